// Public ids: a prefix that says the noun, and a ULID, which sorts by time of making.

/** The digits of the ULID, least first. */
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export type RandomBytes = (length: number) => Uint8Array

/** Makes `<prefix>_<ULID>`: 48 bits of milliseconds, 80 of random. Not a secret. */
export function makeId(prefix: string, now: Date, random: RandomBytes): string {
  return `${prefix}_${digitsOf(now.getTime(), 10)}${drawn(16, random)}`
}

/** Makes ids of one moment that sort in the order of their making: what is random is shared, a count follows it. */
export function idSequence(prefix: string, now: Date, random: RandomBytes): () => string {
  const start = `${prefix}_${digitsOf(now.getTime(), 10)}${drawn(12, random)}`
  let made = 0
  return () => start + digitsOf(made++, 4)
}

function digitsOf(number: number, length: number): string {
  let left = number
  const digits = new Array<string>(length)
  for (let position = length - 1; position >= 0; position--) {
    digits[position] = CROCKFORD.charAt(left % 32)
    left = Math.floor(left / 32)
  }
  return digits.join('')
}

function drawn(length: number, random: RandomBytes): string {
  let digits = ''
  for (const byte of random(length)) digits += CROCKFORD.charAt(byte & 31)
  return digits
}

/**
 * Makes the id of what was made elsewhere. The same mark gives the same end: so it is known again when it comes in a second
 * time, though nothing is left here of the first.
 */
export function importedId(prefix: string, now: Date, mark: Uint8Array): string {
  return makeId(prefix, now, (length) => mark.subarray(0, length))
}

/** What two ids have in common that were made of one mark; undefined: it is no id of ours. */
export function idEnd(id: string): string | undefined {
  return /^[a-z]+_[0-7][0-9A-HJKMNP-TV-Z]{9}([0-9A-HJKMNP-TV-Z]{16})$/.exec(id)?.[1]
}

/** When an id was made, by its ULID; undefined: it is no id of ours. */
export function idTime(id: string): Date | undefined {
  const [, digits = ''] = /^[a-z]+_([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/.exec(id) ?? []
  if (digits === '') return undefined
  let time = 0
  for (const digit of digits) time = time * 32 + CROCKFORD.indexOf(digit)
  return new Date(time)
}
