// Public ids: a prefix that says the noun, and a ULID, which sorts by time of making.

/** The digits of the ULID, least first. */
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export type RandomBytes = (length: number) => Uint8Array

/** Makes `<prefix>_<ULID>`: 48 bits of milliseconds, 80 of random. Not a secret. */
export function makeId(prefix: string, now: Date, random: RandomBytes): string {
  let time = now.getTime()
  const digits = new Array<string>(10)
  for (let position = 9; position >= 0; position--) {
    digits[position] = CROCKFORD.charAt(time % 32)
    time = Math.floor(time / 32)
  }
  let tail = ''
  for (const byte of random(16)) tail += CROCKFORD.charAt(byte & 31)
  return `${prefix}_${digits.join('')}${tail}`
}

/** When an id was made, by its ULID; undefined: it is no id of ours. */
export function idTime(id: string): Date | undefined {
  const [, digits = ''] = /^[a-z]+_([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/.exec(id) ?? []
  if (digits === '') return undefined
  let time = 0
  for (const digit of digits) time = time * 32 + CROCKFORD.indexOf(digit)
  return new Date(time)
}
