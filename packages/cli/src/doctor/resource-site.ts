import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatCredential } from '@countersign/resource-server'
import { UsageError } from '../exit.ts'
import { all, type OnlineSession } from '../session.ts'
import type { Place } from './raw-exchange.ts'
import type { Site } from './site.ts'

/** The address of a protected resource, as an option gives it. */
export function parseResourceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.username !== ''
  )
    throw new UsageError(
      '--resource: expected the public address of a protected resource, like https://webdav.example.com',
    )
  return url
}

/** `host:port`, as an option gives it; IPv6 in brackets. */
export function parseAddress(option: string, text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) throw new UsageError(`${option}: expected host:port.`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** Where to connect: where the address says, or where `--connect-to` does. */
export function placeOf(url: URL, connectTo: string | undefined, ca: string | undefined): Place {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const named = { host: url.hostname.replace(/^\[|\]$/g, ''), port }
  return {
    ...(connectTo === undefined ? named : parseAddress('--connect-to', connectTo)),
    tls: url.protocol === 'https:' ? { servername: isIP(named.host) === 0 ? url.hostname : undefined, ca } : undefined,
  }
}

/** The same with one address for its name, so that every request goes the same way and comes from one address. */
export async function pinned(place: Place): Promise<Place> {
  try {
    return { ...place, host: (await lookup(place.host)).address }
  } catch {
    throw new UsageError(`The name ${place.host} is not known here. Connect elsewhere: --connect-to <host:port>`)
  }
}

/** The site of a run, with a word and a key that no other run has. */
export function siteOf(url: URL, place: Place, credentialHeader: string | null): Site {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const key = formatCredential('key', random(32))
  return {
    ...{ url, place, host: url.host },
    nonce: Buffer.from(random(6)).toString('hex'),
    credentialHeader,
    unknownKey: credentialLine({ credentialHeader }, key),
  }
}

/** A line that shows a key where this resource wants to be shown one. */
export function credentialLine({ credentialHeader }: Pick<Site, 'credentialHeader'>, key: string): string {
  return credentialHeader === null ? `Authorization: Bearer ${key}` : `${credentialHeader}: ${key}`
}

/** What of a registered resource matters here; undefined: none answers at this host. */
export async function findResource({ api }: OnlineSession, url: URL) {
  const resources = await all((page) => api.resources.list(page))
  const wildcard = url.host.replace(/^[^.]+/, '*')
  return (
    resources.find(({ hosts }) => hosts.includes(url.host)) ?? resources.find(({ hosts }) => hosts.includes(wildcard))
  )
}
