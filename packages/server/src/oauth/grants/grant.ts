import type { Denied } from '@countersign/resource-server'
import type { KnownCredential } from '../../authentication/known-credentials.ts'
import type { OAuthCall } from '../endpoint.ts'

/** One grant type: whom its tokens stand for. What all grants share is in the pipeline of `token.ts`. */
export type TokenGrant = {
  readonly type: string
  /** The credential that mints the token: the token stands for its owner and reaches no further than it. */
  subjectOf(call: OAuthCall): KnownCredential | Denied | Promise<KnownCredential | Denied>
}
