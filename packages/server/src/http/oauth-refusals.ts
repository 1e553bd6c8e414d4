import { type Denied, deny } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import type { Directory } from '../directory/directory.ts'
import type { Resource } from '../domain/resource.ts'
import type { OAuthAsked } from '../oauth/deps.ts'
import type { DecisionLog } from '../verify/decision-log.ts'
import { refuse } from '../verify/verify.ts'

type RefusalDeps = { readonly decisions: Pick<DecisionLog, 'noteDenied'>; readonly directory: Directory }

/** Keeps what an OAuth endpoint refused, at a resource if there is one, as a decision like those of the path. */
export function noteOAuthRefusal(
  denied: Denied,
  { now, peer, path }: OAuthAsked,
  known: KnownCredential | undefined,
  { decisions, directory }: RefusalDeps,
  at: Resource | undefined,
): string {
  const asked = { dialect: 'oauth', now, peer } as const
  const caller = known?.callerAt(at ?? directory.management, directory)
  const verdict = deny(denied.code, { ...denied.detail, method: 'POST', path })
  return decisions.noteDenied(
    refuse({ asked, resource: at, caller }, known === undefined ? 'authentication' : 'decision', verdict),
  )
}
