import type { Command } from 'commander'
import { UsageError } from '../exit.ts'
import { withProgress } from '../progress.ts'
import { online, openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { type ProxyName, proxiesFor } from './advice.ts'
import { startEcho } from './echo-server.ts'
import { type Finding, hasFaults } from './finding.ts'
import { IDENTITY_UNCHECKED, probeIdentity } from './identity-probes.ts'
import { PROBE_GROUPS } from './probe.ts'
import { decisionsOf, probe, probeWhileDown } from './probing.ts'
import { report } from './report.ts'
import {
  credentialLine,
  findResource,
  parseAddress,
  parseResourceUrl,
  pinned,
  placeOf,
  siteOf,
} from './resource-site.ts'
import type { Site } from './site.ts'

/** What `countersign doctor --resource` is told. */
export type ResourceOptions = {
  readonly connectTo?: string
  readonly caFile?: string
  readonly proxy?: string
  readonly only?: string[]
  readonly method?: string[]
  readonly echoListen?: string
  readonly echoPath?: string
  readonly withKeyFile?: string
  readonly whileDown?: true
}

/** What may be looked at for itself. */
export const PARTS = [...PROBE_GROUPS, 'identity'] as const

/** Tries the ways around the proxy of a protected resource, and says what it found. */
export async function examineResource(
  terminal: Terminal,
  command: Command,
  address: string,
  options: ResourceOptions,
): Promise<void> {
  const url = parseResourceUrl(address)
  const named = placeOf(url, options.connectTo, readGiven(terminal, '--ca-file', options.caFile))
  const parts = partsOf(options.only)
  const methods = methodsOf(options.method)
  const echo = echoOf(terminal, options)
  if (options.whileDown) {
    const found = await probeWhileDown(siteOf(url, await pinned(named), null), proxiesFor(options.proxy, undefined))
    const fine = {
      check: 'while_down',
      level: 'ok',
      says: 'While Countersign does not answer, nothing passes.',
    } as const
    return report(openSession(terminal, command), found.length > 0 ? found : [fine])
  }
  await online(terminal, command, async (session) => {
    const resource = await findResource(session, url)
    if (resource === undefined) {
      throw new UsageError(`No resource answers at ${url.host}. See: countersign resource list`)
    }
    const site = siteOf(url, await pinned(named), resource.credential_header)
    const groups = PROBE_GROUPS.filter((group) => parts.includes(group))
    const preflights = resource.preflight === 'pass' ? 'pass' : 'deny'
    const asking = { site, groups, methods, preflights, proxy: options.proxy, decisions: decisionsOf(session) } as const
    const stand = echo?.listen && (await startEcho(echo.listen.host, echo.listen.port, site.nonce))
    try {
      const { findings, proxies, tried } = await withProgress(terminal, (onProbe) => probe({ ...asking, onProbe }))
      const isAsked = !findings.some(({ check }) => check === 'baseline')
      const aliases = Object.keys(resource.headers)
      const identity = isAsked && parts.includes('identity') ? await examineIdentity(site, echo, aliases, proxies) : []
      const untold = findings.filter(({ level }) => level === 'unchecked').length
      const says = `Countersign was asked about each of ${tried - untold} requests, as they were sent.`
      const fine = hasFaults(findings) ? [] : [{ check: 'asked', level: 'ok', says } as const]
      report(session, [...fine, ...findings, ...identity])
    } finally {
      await stand?.stop()
    }
  })
}

/** Who tells what the service receives, and the key that it is asked with. */
type EchoSource = {
  readonly path: string | undefined
  readonly listen: { readonly host: string; readonly port: number } | undefined
  readonly key: string
}

function echoOf(terminal: Terminal, { echoListen, echoPath, withKeyFile }: ResourceOptions): EchoSource | undefined {
  if (echoListen === undefined && echoPath === undefined) return undefined
  if (echoListen !== undefined && echoPath !== undefined)
    throw new UsageError('Give --echo-listen or --echo-path, not both.')
  if (echoPath !== undefined && !echoPath.startsWith('/'))
    throw new UsageError('--echo-path: expected a path, like /headers.')
  const key = readGiven(terminal, '--with-key-file', withKeyFile)?.trim() ?? ''
  if (!/^[!-~]+$/.test(key)) throw new UsageError('--with-key-file: expected the file of a key that may GET there.')
  return {
    path: echoPath,
    listen: echoListen === undefined ? undefined : parseAddress('--echo-listen', echoListen),
    key,
  }
}

async function examineIdentity(
  site: Site,
  echo: EchoSource | undefined,
  aliases: readonly string[],
  proxies: readonly ProxyName[],
): Promise<Finding[]> {
  if (echo === undefined) return [IDENTITY_UNCHECKED]
  const { path, key } = echo
  const found = await probeIdentity(site, { path, key, shown: credentialLine(site, key), aliases }, proxies)
  const says = 'The service learns who called from Countersign alone.'
  return found.length > 0 ? found : [{ check: 'identity', level: 'ok', says }]
}

function partsOf(only: readonly string[] | undefined): readonly string[] {
  const unknown = only?.find((part) => !PARTS.some((known) => known === part))
  if (unknown !== undefined) throw new UsageError(`--only: expected one of ${PARTS.join(', ')}.`)
  return only ?? PARTS
}

function methodsOf(methods: readonly string[] = []): readonly string[] {
  if (methods.every((method) => /^[A-Z]{1,20}$/.test(method))) return methods
  throw new UsageError('--method: expected a method in capitals, like DELETE.')
}

function readGiven(terminal: Terminal, option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return terminal.readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new UsageError(`${option}: ${path} cannot be read (${code}).`)
  }
}
