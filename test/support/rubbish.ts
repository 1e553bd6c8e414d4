// Requests that are large or deep, and nothing else: what they cost is what is asked of them.

const LINES = [
  'Host: webdav.example.com',
  'X-Forwarded-Method: GET',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: webdav.example.com',
  'X-Forwarded-Uri: /',
  'X-Forwarded-For: 192.0.2.17',
]

function question(...lines: readonly string[]): string {
  return `${['GET /verify/forward HTTP/1.1', ...LINES, ...lines].join('\r\n')}\r\n\r\n`
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

/** In the form of a JWT, with this text for its claims. */
function jwtOf(claims: string): string {
  return `${encode('{"alg":"ES256","typ":"JWT","kid":"k"}')}.${encode(claims)}.${'A'.repeat(86)}`
}

const DEEP = '['.repeat(2500)
const WIDE = Array.from({ length: 300 }, (_, at) => `"claim-${at}":${at}`).join(',')
let made = 0

/** Requests by what is wrong with them. */
export const RUBBISH: Readonly<Record<string, () => string>> = {
  'a header of almost 64 KiB': () => question(`X-Large: ${made++}${'a'.repeat(64_000)}`),
  'a credential of almost 64 KiB': () => question(`Authorization: Bearer ${made++}${'a'.repeat(64_000)}`),
  'headers of more than 64 KiB': () => question(`X-Large: ${made++}${'a'.repeat(66_000)}`),
  'ninety headers': () => question(...Array.from({ length: 90 }, (_, at) => `X-Header-${at}: ${made++}`)),
  'a JWT of 8 KiB': () =>
    question(`Authorization: Bearer ${jwtOf(`{"iss":"a","n":${made++},"x":"${'a'.repeat(5900)}"}`)}`),
  'a JWT that is nested deeply': () =>
    question(`Authorization: Bearer ${jwtOf(`{"n":${made++},"iss":${DEEP}${DEEP.replaceAll('[', ']')}}`)}`),
  'a JWT of many claims': () => question(`Authorization: Bearer ${jwtOf(`{"n":${made++},${WIDE}}`)}`),
  'a JWT of names twice': () =>
    question(`Authorization: Bearer ${jwtOf(`{"n":${made++}${',"iss":"a"'.repeat(600)}}`)}`),
}
