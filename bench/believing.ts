import { type KeyObject, verify as verifySignature } from 'node:crypto'
import { KnownCredential } from '../packages/server/src/authentication/known-credentials.ts'
import type { App } from '../packages/server/src/index.ts'

/** What no verifier can leave out, by the cheapest primitive that there is. Throws when the signature is bad. */
export function isSignedBare(token: string, key: KeyObject): void {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  const signed = Buffer.from(token.slice(0, end))
  if (!verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('forged')
}

/** From the text to who that is. Throws when it is nobody. */
export async function believe(token: string, { edge }: App): Promise<void> {
  const believed = await edge.verify.recognise(token)?.(token)
  if (!(believed instanceof KnownCredential)) throw new Error('not believed')
}
