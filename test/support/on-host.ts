// What the tests of backup and restore do as an operator does, on the server's own host.
import { basicOf } from './app.ts'
import { type CountersignServer, MAIN } from './countersign-server.ts'
import { ROOT } from './guide.ts'
import { type Finished, run } from './program.ts'

const HOST = 'webdav.example.com'

type Credential = { readonly id: string; readonly secret: string }

/** Runs the command line on this host, with the configuration of a server. */
export const onHost = (env: Record<string, string>, ...args: string[]): Promise<Finished> =>
  run([process.execPath, MAIN, ...args], { cwd: ROOT, env: { HOME: '/nonexistent', ...env } })

export const onDirectory = (dataDir: string, ...args: string[]) => onHost({ COUNTERSIGN_DATA_DIR: dataDir }, ...args)

/** The resource, a client with a secret, and as many keys as are asked for. */
export async function furnish(server: CountersignServer, keys: number) {
  const rules = [{ path: '/**' }]
  const scopes = ['files:read']
  await server.make('/resources', { name: 'webdav', identifier: `https://${HOST}`, hosts: [HOST], scopes, rules })
  await server.make('/clients', { id: 'canister' })
  await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes })
  const made: Credential[] = []
  for (let n = 0; n < keys; n++) {
    const { id, key } = await server.make('/clients/canister/keys', {})
    made.push({ id: String(id), secret: String(key) })
  }
  const { secret } = await server.make('/clients/canister/secrets', {})
  return { keys: made, secret: String(secret) }
}

export async function ask(server: CountersignServer, credential: string): Promise<number> {
  const headers = {
    ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': HOST },
    ...{ 'X-Forwarded-Uri': '/', 'X-Forwarded-For': '192.0.2.1', Authorization: `Bearer ${credential}` },
  }
  return (await fetch(`${server.url}/verify/forward`, { headers })).status
}

export async function tokenOf(server: CountersignServer, secret: string): Promise<string> {
  const answer = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    headers: { ...basicOf('canister', secret), 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  })
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${await answer.text()}`)
  return String(((await answer.json()) as Record<string, unknown>).access_token)
}
