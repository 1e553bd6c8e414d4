// What a cluster is furnished with before it is asked: two resources, of keys and of JWTs, and clients that reach both.
import { basicOf } from '../support/app.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { until } from '../support/wait.ts'
import { Connection } from './connection.ts'

/** Longer than any run: what is refused is refused for what was taken away. */
const TOKEN_TTL_SECONDS = 86_400

export const KEY_HOST = 'keys.example.com'
const JWT_HOST = 'jwts.example.com'

/** A credential, where it may be used, and the id that it is revoked by. */
export type Issued = { readonly id: string; readonly key: string; readonly host: string }

/** A client with a secret, by which it gets tokens. */
export type FurnishedClient = { readonly id: string; readonly secret: string }

export async function furnishResources(node: ClusterNode): Promise<void> {
  const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
  for (const [name, host, format] of [
    ['keys', KEY_HOST, 'opaque'],
    ['jwts', JWT_HOST, 'jwt'],
  ] as const) {
    const access_token = { format, ttl_seconds: TOKEN_TTL_SECONDS }
    const identifier = `https://${host}`
    await node.expect(201, 'POST', '/resources', {
      ...{ name, identifier, hosts: [host], scopes: ['files:read'], rules, access_token },
    })
  }
}

export async function furnishClient(node: ClusterNode, id: string): Promise<FurnishedClient> {
  await node.expect(201, 'POST', '/clients', { id, name: id })
  for (const resource of ['keys', 'jwts']) {
    await node.expect(201, 'POST', '/permissions', { client: id, resource, scopes: ['files:read'] })
  }
  return { id, secret: await newSecret(node, id) }
}

/** What revokes all that a client has takes its secret, too. */
export async function newSecret(node: ClusterNode, client: string): Promise<string> {
  return String((await node.expect(201, 'POST', `/clients/${client}/secrets`, {})).secret)
}

export async function issueKey(node: ClusterNode, client: string): Promise<Issued> {
  const { id, key } = await node.expect(201, 'POST', `/clients/${client}/keys`, { resources: ['keys'] })
  return { id: String(id), key: String(key), host: KEY_HOST }
}

export async function issueJwt(node: ClusterNode, { id, secret }: FurnishedClient): Promise<Issued> {
  const connection = await Connection.open(node.address)
  try {
    const headers = { ...basicOf(id, secret), 'Content-Type': 'application/x-www-form-urlencoded' }
    const form = `grant_type=client_credentials&resource=${encodeURIComponent(`https://${JWT_HOST}`)}`
    // The client may have been enabled, or given its secret, on another server a moment ago.
    const answer = await until('a token', async () => {
      const answered = await connection.request('POST', '/oauth/token', headers, form)
      return answered.status === 200 && answered
    })
    const key = String((JSON.parse(answer.body) as Record<string, unknown>).access_token)
    // As whoever holds a token learns its id.
    const { head } = await connection.ask(JWT_HOST, key)
    const credential = /\r\nremote-credential: (\S+)/i.exec(head)?.[1]
    if (credential === undefined) throw new Error(`a token that was just issued is refused\n${head}`)
    return { id: credential, key, host: JWT_HOST }
  } finally {
    connection.close()
  }
}
