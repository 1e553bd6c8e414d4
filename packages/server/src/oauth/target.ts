import { deny, MANAGEMENT_RESOURCE, reaches, reachRefused } from '@countersign/resource-server'
import type { KnownCaller, KnownCredential } from '../authentication/known-credentials.ts'
import type { Directory } from '../directory/directory.ts'
import { holdersFor, oldestFirst } from '../domain/credential.ts'
import type { Resource } from '../domain/resource.ts'
import type { OAuthCall } from './endpoint.ts'
import type { OAuthDenied } from './error-response.ts'

const MAX_CHOICES = 20

/**
 * Finds the one resource that a token is asked for: by `resource`, else the client's default.
 *
 * Unknown, disabled and not permitted read alike: the client is told what it may ask for, and nothing else.
 *
 * @see RFC 8707 §2
 */
export function targetOf(
  { form, client, asked }: OAuthCall,
  subject: KnownCredential,
  directory: Directory,
): KnownCaller | OAuthDenied {
  const identifiers = form.all('resource')
  const refuse = (because: string): OAuthDenied => {
    const choices = choicesOf(subject, directory).map(({ identifier }) => identifier)
    const named = choices.length === 0 ? 'There is none that it may ask for.' : `It may ask for: ${choices.join(', ')}`
    return { ...deny('target_refused', { because, choices }), says: named }
  }
  const [identifier, second] = identifiers
  if (second !== undefined) return refuse('a token is for one resource')
  const resource =
    identifier === undefined
      ? defaultResource(client.defaultResource, subject, directory)
      : directory.resourceOf(identifier)
  if (resource === undefined) return refuse(identifier === undefined ? 'no default resource' : 'no such resource')
  const caller = subject.callerAt(resource, directory)
  const unreached = reachRefused(caller, resource, asked)
  if (unreached !== undefined) return refuse(unreached.code)
  return caller.grant === undefined ? refuse('permission_missing') : caller
}

/** The one that is set; else that of the oldest permission, so that a later one never changes what a client gets. */
function defaultResource(name: string | null, subject: KnownCredential, directory: Directory): Resource | undefined {
  return name === null ? choicesOf(subject, directory)[0] : directory.resource(name)
}

/** What the credential reaches by its owner's permissions, in the order in which those were given. */
function choicesOf({ stored }: KnownCredential, directory: Directory): Resource[] {
  const holders = holdersFor(stored.owner, directory.owner(stored.owner)?.groups ?? [])
  const held = holders.flatMap((holder) => [...directory.heldBy(holder).values()].flat()).toSorted(oldestFirst)
  const names = [...new Set(held.map(({ resource }) => resource))]
  return names
    .filter((name) => name !== MANAGEMENT_RESOURCE && reaches(stored.narrowing, name))
    .flatMap((name) => directory.resource(name) ?? [])
    .filter(({ disabled }) => !disabled)
    .slice(0, MAX_CHOICES)
}
