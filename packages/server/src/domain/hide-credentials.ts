/** `cs_key_…` and its like, whole or cut short. */
const OURS = /cs_[a-z]+_[0-9A-Za-z]{8,}/g
/** From its first letters, as all JWTs begin, to what is behind its last dot. Begins at a boundary, to stay linear. */
const JWT = /(?<![\w-])ey[\w-]{6,}(?:\.[\w-]*)+/g

/** Leaves our credentials, whatever JWT, and what begins as those of other systems do, out of a text that is logged or kept. */
export function hideCredentials(text: string, foreignPrefixes: readonly string[]): string {
  // Those of others first: they may hold anything, and of one that lost its middle the rest would stay.
  return hideForeign(text, foreignPrefixes).replace(OURS, 'cs_…').replace(JWT, '…')
}

/** Up to where a word ends: they may be of whatever can be printed. */
function hideForeign(text: string, prefixes: readonly string[]): string {
  if (prefixes.length === 0) return text
  const looks = prefixes.map((prefix) => `${prefix.replaceAll('.', '\\.')}[^\\s"']{8,}`)
  return text.replace(new RegExp(looks.join('|'), 'g'), '…')
}
