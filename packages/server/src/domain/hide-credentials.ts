/** `cs_key_…` and its like, whole or cut short. */
const OURS = /cs_[a-z]+_[0-9A-Za-z]{8,}/g
/** From its first letters, as all JWTs begin, to what is behind its last dot. Begins at a boundary, to stay linear. */
const JWT = /(?<![\w-])ey[\w-]{6,}(?:\.[\w-]*)+/g

/** Leaves our credentials, and whatever JWT, out of a text that is logged or kept. */
export function hideCredentials(text: string): string {
  return text.replace(OURS, 'cs_…').replace(JWT, '…')
}
