// Countersign, and proxies that come and go, for the doctor to look at.

import * as server from '@countersign/server'
import { ran } from '../../packages/cli/src/testing/test-terminal.ts'
import { startCaddyWith } from './caddy.ts'
import { type CountersignServer, startCountersign } from './countersign-server.ts'
import { guideBlock } from './guide.ts'
import { startHaproxyWith } from './haproxy.ts'
import { freePort } from './loopback.ts'
import { startNginxWith } from './nginx.ts'
import { Teardown } from './teardown.ts'

const PROXIES = {
  caddy: { guide: ['caddy.md', 'Caddyfile'], start: startCaddyWith },
  nginx: { guide: ['nginx.md', 'webdav.conf'], start: startNginxWith },
  haproxy: { guide: ['haproxy.md', 'haproxy.cfg'], start: startHaproxyWith },
} as const
export type ProxyName = keyof typeof PROXIES

/** What is changed in the configuration of the guide: what stands there, and what is put in its place. */
export type Change = readonly [from: string | RegExp, to: string]

export type Visit = {
  readonly proxy: ProxyName
  readonly changes: readonly Change[]
  /** The doctor stands in for the service, and shows what it receives. */
  readonly echo?: boolean
  /** Nothing listens where the proxy asks. */
  readonly isDown?: boolean
  /** Further words of the command line. */
  readonly words?: string
}

export type Diagnosis = {
  readonly code: number
  readonly err: string
  readonly findings: readonly {
    readonly check: string
    readonly level: string
    readonly says: string
    readonly todo?: string[]
  }[]
}

export type DoctorStage = {
  readonly server: CountersignServer
  visit(visit: Visit): Promise<Diagnosis>
  close(): Promise<void>
}

export async function openDoctorStage(): Promise<DoctorStage> {
  const teardown = new Teardown()
  const countersign = await startCountersign(await teardown.temporaryDirectory('data'))
  teardown.add(countersign.stop)
  await countersign.make('/clients', { id: 'canister', name: 'Canister' })
  const key = String((await countersign.make('/clients/canister/keys', { name: 'doctor' })).key)
  return { server: countersign, visit: (visit) => examine(countersign, key, visit), close: () => teardown.run() }
}

async function examine(countersign: CountersignServer, key: string, visit: Visit): Promise<Diagnosis> {
  const teardown = new Teardown()
  const [port, upstreamPort] = [freePort(), freePort()]
  const name = `site-${port}`
  const scopes = ['files:read']
  const rules = [{ path: '/**', require: { scopes } }]
  const hosts = [`localhost:${port}`]
  await countersign.make('/resources', { name, identifier: `https://${name}.example.com`, hosts, scopes, rules })
  await countersign.make('/permissions', { client: 'canister', resource: name, scopes, roles: [] })
  if (!visit.echo) {
    const service = Bun.serve({ hostname: '127.0.0.1', port: upstreamPort, fetch: serve })
    teardown.add(() => service.stop(true))
  }
  try {
    const { guide, start } = PROXIES[visit.proxy]
    const directory = await teardown.temporaryDirectory('proxy')
    const verifyAddress = visit.isDown ? `127.0.0.1:${freePort()}` : countersign.address
    const proxy = await start(changed(guideBlock(guide[0], guide[1]), visit.changes), {
      port,
      upstreamPort,
      directory,
      verifyAddress,
    })
    teardown.add(proxy.stop)
    const echo = visit.echo ? ` --echo-listen 127.0.0.1:${upstreamPort} --with-key-file canister.key` : ''
    const { code, out, err } = await ran(
      `doctor --resource http://localhost:${port} --json${echo}${visit.words ?? ''}`,
      {
        ...{ server, files: { 'canister.key': `${key}\n` } },
        env: { COUNTERSIGN_SERVER: countersign.url, COUNTERSIGN_KEY: countersign.bootstrapKey },
      },
    )
    return { code, err, findings: out === '' ? [] : JSON.parse(out).findings }
  } finally {
    await teardown.run()
  }
}

/** A service with a path for those who look for faults, which shows headers as CGI names them. */
function serve({ url, headers }: Request): Response {
  if (!url.endsWith('/debug/headers')) return new Response('the service')
  const shown = [...headers].map(([name, value]) => `HTTP_${name.toUpperCase().replaceAll(/\W/g, '_')}=${value}\n`)
  return new Response(shown.join(''))
}

/** A change of a line that the guide does not have any more is an error: the test would pass by that. */
function changed(configuration: string, changes: readonly Change[]): string {
  return changes.reduce((text, [from, to]) => {
    const after = text.replace(from, () => to)
    if (after === text) throw new Error(`the guide no longer says ${from}`)
    return after
  }, configuration)
}
