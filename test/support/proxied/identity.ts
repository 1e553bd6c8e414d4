import type { Received } from '../recorder.ts'
import type { Key, Stage } from '../stage.ts'

/** Where proxies differ by their nature; everything else they must do alike. */
export type Traits = {
  /** What a client sees when Countersign answers 400. nginx's auth_request knows only 401 and 403. */
  readonly malformed: 400 | 401
  /** What a client sees when Countersign cannot tell (503) or cannot be reached. */
  readonly unavailable: { readonly cannotTell: 500 | 503; readonly unreachable: 500 | 502 | 503 }
}

/** What the service is told of the stage's client, on every request, in every one of these headers. */
export function identityOf(stage: Stage, key: Key, scopes: string): Record<string, string> {
  return {
    'remote-user': 'client:canister',
    'remote-name': 'Canister',
    'remote-email': `canister@clients.${new URL(stage.server.url).hostname}`,
    'remote-groups': 'clients',
    'remote-principal': 'client',
    'remote-client': 'canister',
    'remote-roles': 'none',
    'remote-scopes': scopes,
    'remote-project': '*',
    'remote-credential': key.id,
    'countersign-expires': 'never',
  }
}

/** All headers of a received request but the assertion, which is signed anew from time to time. */
export function headersOf(received: Received | undefined): Record<string, string> {
  const headers = Object.fromEntries(received?.headers ?? [])
  delete headers['countersign-assertion']
  return headers
}

export function bearer(key: Key): { authorization: string } {
  return { authorization: `Bearer ${key.secret}` }
}

export function basic(user: string, key: Key): { authorization: string } {
  return { authorization: `Basic ${btoa(`${user}:${key.secret}`)}` }
}
