/** OWASP's least for argon2id: 19 MiB, two passes. */
const COST = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

/**
 * Hashes passwords for storing, in PHC form, one after the other: it takes much memory and time on purpose, and what
 * verifies requests runs beside it.
 */
export function passwordHasher(): (password: string) => Promise<string> {
  let last: Promise<unknown> = Promise.resolve()
  return (password) => {
    const hashed = last.then(() => Bun.password.hash(password, COST))
    last = hashed.catch(() => undefined)
    return hashed
  }
}
