// Which keys are looked for, and how long they are kept: with a real server that publishes them.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { VERIFICATION_ALGORITHMS } from '@countersign/resource-server'
import { makeSigner } from '../../../../test/support/client-key.ts'
import type { Client, ClientKeys } from '../domain/client.ts'
import { ClientKeySources } from './client-keys.ts'
import { keysOfNobody } from './client-keys-of-nobody.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const clock = { now: NOW, advance: () => undefined, monotonicAheadMs: 0 }
const signer = makeSigner({ clock })
const jwks = { keys: [signer.jwk] }

let fetches = 0
let server: ReturnType<typeof Bun.serve>
beforeEach(() => {
  fetches = 0
  server = Bun.serve({
    port: 0,
    fetch() {
      fetches++
      return Response.json(jwks)
    },
  })
})
afterEach(() => server.stop(true))

const make = (max?: number) =>
  new ClientKeySources({
    fetch,
    clock: () => NOW,
    monotonicMs: () => performance.now(),
    random: (length) => new Uint8Array(length),
    log: { warn: () => undefined },
    ...(max !== undefined && { max }),
  })
const client = (id: string, keys: ClientKeys | null) => ({ id, keys }) as Client
const at = (uri: string, revision: number): ClientKeys => ({ jwksUri: uri, revision })
const find = async (sources: ClientKeySources, of: Client) => sources.of(of)?.find('one', 'ES256')

test('a client without keys has none', () => {
  expect(make().of(client('canister', null))).toBeUndefined()
})

test('keys that a client publishes are fetched once, whatever else of it changes', async () => {
  const sources = make()
  const uri = String(server.url)
  const key = await find(sources, client('canister', at(uri, 7)))
  expect(key).toBeInstanceOf(CryptoKey)
  expect(await find(sources, client('canister', at(uri, 7)))).toBe(key as CryptoKey)
  expect(fetches).toBe(1)
})

test('keys that are registered anew are asked for anew, and those that are taken away are gone', async () => {
  const sources = make()
  const uri = String(server.url)
  await find(sources, client('canister', at(uri, 7)))
  await find(sources, client('canister', at(uri, 8)))
  expect(fetches).toBe(2)
  await find(sources, client('canister', at(`${uri}other`, 8)))
  expect(fetches).toBe(3)
  const other = makeSigner({ clock })
  expect(await find(sources, client('canister', { jwks, revision: 9 }))).toBeInstanceOf(CryptoKey)
  const replaced = await find(sources, client('canister', { jwks: { keys: [other.jwk] }, revision: 9 }))
  expect(await crypto.subtle.exportKey('jwk', replaced as CryptoKey)).toMatchObject({ x: String(other.jwk.x) })
  expect(sources.of(client('canister', null))).toBeUndefined()
  expect(sources.size).toBe(0)
})

test('keys of two clients that are at one place are two', async () => {
  const sources = make()
  const uri = String(server.url)
  const [one, other] = [client('canister', at(uri, 7)), client('other', at(uri, 7))]
  expect(await find(sources, one)).not.toBe((await find(sources, other)) as CryptoKey)
})

test('memory is bounded: the client that was asked for longest ago is asked for its keys again', async () => {
  const sources = make(3)
  const clients = ['a', 'b', 'c', 'd'].map((id) => client(id, { jwks, revision: 1 }))
  const keys = await Promise.all(clients.slice(0, 3).map((one) => find(sources, one)))
  await find(sources, clients[0] as Client)
  await find(sources, clients[3] as Client)
  expect(sources.size).toBe(3)
  expect(await find(sources, clients[0] as Client)).toBe(keys[0] as CryptoKey)
  expect(await find(sources, clients[1] as Client)).not.toBe(keys[1] as CryptoKey)
})

test('there is a key of nobody for every algorithm that a client may sign with', async () => {
  const nobody = keysOfNobody()
  for (const alg of Object.keys(VERIFICATION_ALGORITHMS))
    expect(await nobody.find(undefined, alg)).toBeInstanceOf(CryptoKey)
})
