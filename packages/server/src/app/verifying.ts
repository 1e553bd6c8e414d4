import { decide } from '@countersign/resource-server'
import type pino from 'pino'
import { accessTokenKind } from '../authentication/access-token.ts'
import { assertionKind } from '../authentication/assertion.ts'
import { bootstrapKind } from '../authentication/bootstrap.ts'
import type { StandingDeps } from '../authentication/external-standing.ts'
import { ExternalTokens } from '../authentication/external-tokens.ts'
import { foreignKind } from '../authentication/foreign.ts'
import { anyIssuedKind, issuedKind } from '../authentication/issued.ts'
import { knownTokenKind } from '../authentication/known-tokens.ts'
import { type CredentialKind, type Resolver, recogniseBy } from '../authentication/resolver.ts'
import { type Config, hostnameOf } from '../config.ts'
import type { guardedFetch } from '../http/guarded-fetch.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Seal } from '../keys/seal.ts'
import { fewPerSecond } from '../logging.ts'
import { VerificationCounts } from '../verify/counts.ts'
import type { DecisionLog } from '../verify/decision-log.ts'
import type { EdgeDeps } from '../verify/edge.ts'
import { Identities } from '../verify/identity.ts'
import { Proxies } from '../verify/proxies.ts'
import { recordOf } from '../verify/record.ts'
import type { Following } from './following.ts'
import { type AppIo, sha256, sha256Hex } from './io.ts'

type Parts = {
  readonly config: Config
  readonly io: AppIo
  readonly log: pino.Logger
  readonly following: Following
  readonly keys: KeyRing
  readonly seal: Seal
  readonly fetch: ReturnType<typeof guardedFetch>
  readonly decisions: DecisionLog
}

export type Verifying = {
  readonly edge: EdgeDeps
  readonly counts: VerificationCounts
  readonly standing: StandingDeps
  readonly externalTokens: ExternalTokens
  /** Who resolves a credential, also one that is never presented but to authenticate a client. */
  readonly recogniseAny: (text: string) => Resolver | undefined
}

/** The one path, and the table of credential kinds that it resolves. */
export function verifying({ config, io, log, following, keys, seal, fetch, decisions }: Parts): Verifying {
  const { directory, known, follower, find } = following
  const standing: StandingDeps = { directory, clock: io.clock, sha256Hex, groupMappings: config.groupMappings }
  const externalTokens = new ExternalTokens({ ...standing, ...io, known, log, fetch })
  const otherKinds: CredentialKind[] = [
    knownTokenKind({ known, directory, sha256Hex }),
    accessTokenKind({
      ...{ issuer: config.publicUrl, keys, known, sha256Hex },
      revision: () => directory.revision,
      confirm: following.confirm,
    }),
    ...(config.bootstrapKey === undefined ? [] : [bootstrapKind(sha256(config.bootstrapKey), sha256)]),
    externalTokens,
    assertionKind,
    foreignKind({ directory, seal, sha256Hex, find }),
  ]
  const identities = new Identities({
    ...{ keys, sha256Hex },
    issuer: config.publicUrl,
    issuerHost: hostnameOf(config.publicUrl),
  })
  const proxies = new Proxies({
    networks: config.trustedProxies,
    secretDigest: config.proxySecret === undefined ? undefined : sha256(config.proxySecret),
    sha256,
  })
  const counts = new VerificationCounts()
  const edge: EdgeDeps = {
    verify: {
      directory,
      isConfirmed: (nowMs) => follower.isConfirmed(nowMs),
      confirm: following.confirm,
      recognise: recogniseBy([issuedKind(sha256Hex, find), ...otherKinds]),
      decide,
      identities,
    },
    ...{
      decisions,
      counts: log.isLevelEnabled('debug') ? telling(counts, log) : counts,
      clock: io.clock,
      monotonicMs: io.monotonicMs,
      proxies,
    },
    onError: (error, decision) => log.error({ err: error, decision }, 'a decision could not be taken'),
    onUntrustedProxy: fewPerSecond(io.clock, 1, (peer, because) =>
      log.warn({ peer, because, option: 'COUNTERSIGN_TRUSTED_PROXIES' }, 'somebody who may not asked for a decision'),
    ),
  }
  return {
    edge,
    counts,
    standing,
    externalTokens,
    recogniseAny: recogniseBy([anyIssuedKind(sha256Hex, find), ...otherKinds]),
  }
}

/** Each decision as a line of the log: for debugging, since it costs more than the decision. */
function telling(counts: VerificationCounts, log: pino.Logger): EdgeDeps['counts'] {
  return {
    note(decision, tookMs) {
      counts.note(decision, tookMs)
      const { outcome, code, resource, principal, credential, request } = recordOf(decision)
      const { method, host } = request
      // Without its path: people put credentials of other systems there, and nobody can tell them from names.
      log.debug({ outcome, code, resource, principal, credential: credential?.id, method, host }, 'verification')
    },
  }
}
