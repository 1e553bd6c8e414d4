import {
  type Denied,
  deny,
  isDenied,
  isSigned,
  TooManyWait,
  Turns,
  thumbprintOf,
  type VerificationKeys,
} from '@countersign/resource-server'
import { KnownCredential } from '../authentication/known-credentials.ts'
import type { Directory } from '../directory/directory.ts'
import { type Client, type ClientKeys, clientKeyId } from '../domain/client.ts'
import { refText, type StoredCredential } from '../domain/credential.ts'
import { newCredential } from '../domain/new-credential.ts'
import { type Store, toDate } from '../store/store.ts'
import { useAssertion } from '../store/used-assertions.ts'
import { type ClientKeyOptions, ClientKeySources } from './client-keys.ts'
import { keysOfNobody } from './client-keys-of-nobody.ts'
import {
  assertionRefused,
  readAssertion,
  TOLERANCE_SECONDS,
  type UnverifiedAssertion,
} from './private-key-jwt-claims.ts'

/** What signatures are checked with, made once. */
export type SignatureDeps = {
  readonly clientKeys: Pick<ClientKeySources, 'of'>
  readonly keysOfNobody: VerificationKeys
  /** Bounds how many signatures are checked at once. */
  readonly signatureChecks: Turns
}

export function signatureDeps(options: ClientKeyOptions): SignatureDeps {
  return { clientKeys: new ClientKeySources(options), keysOfNobody: keysOfNobody(), signatureChecks: new Turns() }
}

export type AssertionDeps = SignatureDeps & {
  /** The public URL. */
  readonly issuer: string
  readonly directory: Pick<Directory, 'client'>
}

/** A client assertion that was signed by a key of its client. It was not used yet. */
export type ProvenAssertion = { readonly known: KnownCredential; readonly assertion: UnverifiedAssertion }

/**
 * Finds out whether a client assertion is signed by a key that its client registered. The state of the client is not
 * judged here, and the assertion is not used up: that is for `spendAssertion`, once all else is judged good.
 *
 * Security: a client that is not there, one without keys and one without such a key cost one signature check like any
 * other, with a key of nobody, and are answered alike. A `jwks_uri` that cannot be asked is `keys_unavailable` (503),
 * since a good client must not be told that it is bad; by that, while it lasts, a caller can tell that there is such a
 * client, as it can by the time that a first fetch takes. Its id is no secret (RFC 6749 §2.2), and guesses at ids are
 * refusals that the throttle counts.
 *
 * Nothing is remembered by the text of an assertion: each is checked anew.
 *
 * @see RFC 7523 §3
 */
export async function proveAssertion(
  text: string,
  shownId: string | undefined,
  now: Date,
  deps: AssertionDeps,
): Promise<ProvenAssertion | Denied> {
  const assertion = readAssertion(text, shownId, deps.issuer, now)
  if (isDenied(assertion)) return assertion
  const { jwt, clientId } = assertion
  const { kid, alg } = jwt.header
  const client = deps.directory.client(clientId)
  const keys = client?.keys ?? undefined
  const found = client === undefined ? undefined : await deps.clientKeys.of(client)?.find(kid, alg)
  if (found === 'unavailable') return deny('keys_unavailable', { of: `client ${clientId}` })

  const isOfClient = found !== undefined && found !== 'unknown'
  const key = isOfClient ? found : await deps.keysOfNobody.find(undefined, alg)
  if (typeof key === 'string') throw new Error(`there is no key of nobody for ${alg}`)
  const signed = await deps.signatureChecks.take(() => isSigned(jwt, key, alg)).catch(busyOrThrow)
  if (typeof signed !== 'boolean') return signed
  if (client === undefined) return assertionRefused('there is no such client', clientId)
  if (keys === undefined) return assertionRefused('the client has registered no keys', clientId)
  if (!isOfClient && kid === undefined) {
    return assertionRefused(`it names no kid, and the client has not exactly one ${alg} key`, clientId)
  }
  if (!isOfClient) return assertionRefused(`the client has no ${alg} key of this kid`, clientId)
  if (!signed) return assertionRefused('its signature is not of that key of the client', clientId)
  const stored = clientKeyCredential(client, keys, { id: await thumbprintOf(key), kid, alg })
  return { known: new KnownCredential(stored), assertion }
}

/**
 * Uses an assertion up, for all nodes and restarts. Undefined: this was the first time.
 *
 * Kept for a minute longer than it lives: nodes whose clocks are behind take it for as long.
 */
export async function spendAssertion(
  { clientId, jti, expiresAt }: UnverifiedAssertion,
  store: Store,
): Promise<Denied | undefined> {
  const until = new Date(expiresAt.getTime() + TOLERANCE_SECONDS * 1000)
  const isFirst = await useAssertion(store, { client: clientId, jti, expiresAt: until })
  return isFirst ? undefined : deny('assertion_replayed', { client: clientId })
}

/**
 * What the record of a client's key would be, had it one: so that whatever is revoked of the client, or of this key by
 * its thumbprint, ends its use and what it minted. Whoever revokes all of a client revokes each key that it registered;
 * of those that it publishes elsewhere, registering that place anew brings back what was not revoked itself.
 */
function clientKeyCredential(
  client: Client,
  keys: ClientKeys,
  { id, kid, alg }: { id: string; kid: string | undefined; alg: string },
): StoredCredential {
  const owner = { kind: 'client', id: client.id } as const
  const now = keys.registeredAt === undefined ? client.createdAt : toDate(keys.registeredAt)
  const making = { now, revision: keys.revision, actor: { by: refText(owner) } }
  const named = kid === undefined ? '' : ` ${kid}`
  return newCredential(making, {
    id: clientKeyId(id),
    kind: 'client_key',
    owner,
    name: kid ?? '',
    hint: `${alg} key${named}`,
  })
}

function busyOrThrow(error: unknown): Denied {
  if (error instanceof TooManyWait) return deny('store_busy', { because: error.message })
  throw error
}
