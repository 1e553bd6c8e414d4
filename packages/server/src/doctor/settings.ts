import { formatNetwork, type Network } from '@countersign/resource-server'
import type { Config } from '../config.ts'
import { type Finding, fault, ok, warning } from './finding.ts'

/** What of the configuration is acceptable, and not wise. */
export function examineSettings(config: Config): Finding[] {
  const findings = config.trustedProxies.flatMap((network) => widthOf(network, config.proxySecret !== undefined))
  if (config.bootstrapKey !== undefined) {
    findings.push(
      warning(
        'bootstrap_key',
        'COUNTERSIGN_BOOTSTRAP_KEY is set: whoever has it is an administrator, for ever.',
        'Make keys that end, and unset it: countersign key create countersign-admin --resource countersign --expires 90d',
      ),
    )
  }
  if (config.publicUrl.startsWith('http://') && !isLoopback(config.publicUrl)) {
    findings.push(
      fault(
        'public_url',
        `The public URL is ${config.publicUrl}: keys and tokens go over the network as they are.`,
        'Serve it by https, and say so in COUNTERSIGN_PUBLIC_URL.',
      ),
    )
  }
  const { internalListen } = config
  if (internalListen?.kind === 'unix' && (internalListen.mode & 0o002) !== 0) {
    findings.push(
      fault(
        'internal_listen',
        `Everybody on this machine may use the socket ${internalListen.path}.`,
        `COUNTERSIGN_INTERNAL_LISTEN=unix:${internalListen.path}?mode=0660`,
      ),
    )
  }
  if (config.staleGraceMs > 0) {
    const seconds = config.staleGraceMs / 1000
    findings.push(
      warning(
        'stale_grace',
        `While the database is away, a revoked credential passes for ${seconds} s longer.`,
        'Unset COUNTERSIGN_STALE_GRACE_SECONDS if that is not meant.',
      ),
    )
  }
  if (config.signingKeyRotationDays === null) {
    findings.push(
      warning(
        'signing_key_rotation',
        'Signing keys are rotated by hand alone.',
        'COUNTERSIGN_SIGNING_KEY_ROTATION_DAYS=90',
      ),
    )
  }
  return findings.length > 0
    ? findings
    : [ok('settings', 'The configuration is acceptable, and nothing in it is unwise.')]
}

/** A proxy is one machine, or a few. Whoever is trusted says who calls, from where, and for what. */
function widthOf({ address, prefixLength }: Network, isSecretKnown: boolean): Finding[] {
  const text = formatNetwork({ address, prefixLength })
  // With a secret it is what counts for asking; the networks still say whose word on addresses is taken.
  const isWide = prefixLength < (address.family === 4 ? 8 : 16)
  const hosts = (address.family === 4 ? 32 : 128) - prefixLength
  const todo = 'Name your proxies alone: COUNTERSIGN_TRUSTED_PROXIES=127.0.0.0/8,10.0.0.7/32'
  if (/^(127\.|::1)/.test(text)) return []
  if (isWide) {
    const what = isSecretKnown ? 'may say from where a call comes' : 'may ask for decisions about any request'
    return [fault('trusted_proxies', `Everybody in ${text} ${what}.`, todo)]
  }
  if (hosts <= 8) return []
  return [
    warning(
      'trusted_proxies',
      `COUNTERSIGN_TRUSTED_PROXIES holds all of ${text}, which is more than a few proxies.`,
      todo,
    ),
  ]
}

export function isLoopback(url: string): boolean {
  return /^https?:\/\/(127\.[0-9.]+|localhost|\[::1\])(:[0-9]+)?$/.test(url)
}
