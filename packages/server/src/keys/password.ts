import { Turns } from '@countersign/resource-server'

/** OWASP's least for argon2id: 19 MiB, two passes. */
const COST = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

const MAX_WAITING = 32

/**
 * Hashes passwords for storing, in PHC form, one after the other: it takes much memory and time on purpose, and what
 * verifies requests runs beside it. Rejects with `TooManyWait` when too many
 * wait.
 */
export function passwordHasher(): (password: string) => Promise<string> {
  const turns = new Turns(1, MAX_WAITING)
  return (password) => turns.take(() => Bun.password.hash(password, COST))
}
