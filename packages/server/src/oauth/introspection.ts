import {
  type Circumstances,
  credentialRefused,
  DECISION_HEADER,
  type Denied,
  deny,
  isDenied,
  type Reach,
  reachAtAnyProject,
  reachRefused,
  rightsAtProject,
} from '@countersign/resource-server'
import type { KnownCaller, KnownCredential } from '../authentication/known-credentials.ts'
import { refText } from '../domain/credential.ts'
import type { OAuthDeps } from './deps.ts'
import type { Answer, OAuthCall } from './endpoint.ts'
import { oauthJson, oauthText } from './error-response.ts'
import { type At, membersOf } from './introspection-members.ts'
import { circumstancesOf, type Place, placeOf, readQuestion } from './introspection-question.ts'
import { cannotTell, findShown, isOwn } from './shown-token.ts'

/** What makes a credential active: its owner and, where a resource is in question, what it may do there. */
type Judged = { readonly caller: KnownCaller; readonly reach: Reach | undefined }

/**
 * Says what a credential of any kind may do now: to a client that its resource names as introspector, what it may do
 * there; to every other client only of its own credentials.
 *
 * Beyond the RFC, `resource` says at which resource, `project` for which project, and `client_address` where the
 * credential was shown from, which is taken from an introspector alone.
 *
 * Security: what is not for this client to know reads like what does not exist. Nothing is answered from what a token
 * says: revocation, owner, permissions and networks are judged live, by what judges a request.
 *
 * @see RFC 7662
 */
export function introspectionEndpoint(deps: OAuthDeps): Answer {
  return (call) => {
    const token = readQuestion(call, deps.directory)
    if (typeof token !== 'string') return token
    const found = findShown(token, deps.recognise)
    return found instanceof Promise ? found.then((known) => answerOf(known, call, deps)) : answerOf(found, call, deps)
  }
}

function answerOf(known: KnownCredential | Denied, call: OAuthCall, deps: OAuthDeps): Response | Denied {
  if (isDenied(known)) return cannotTell(known) ? known : inactive(known, call, undefined, undefined, deps)
  const place = placeOf(call, known, deps.directory)
  const circumstances = circumstancesOf(call, place.isIntrospector, isOwn(known, call.client))
  const judged = judge(known, place, call, circumstances, deps)
  if (isDenied(judged)) return inactive(judged, call, known, place, deps)
  if (place.isIntrospector) deps.noteUse(known, circumstances)
  const { caller, reach } = judged
  deps.counts.introspected.active++
  const at = place.resource && reach && { resource: place.resource, reach }
  return oauthText(200, answerText(caller, at, call.form.get('project') === undefined, deps.issuer))
}

/** Written once for what a caller may do at a resource and revision, as identities are; for a project each time. */
function answerText(caller: KnownCaller, at: At | undefined, isOfAnyProject: boolean, issuer: string): string {
  const kept = isOfAnyProject ? at?.reach.rights : undefined
  const remembered = kept && caller.introspections.get(kept)
  if (remembered !== undefined) return remembered
  const text = JSON.stringify(membersOf(caller, at, issuer))
  if (kept !== undefined) caller.introspections.set(kept, text)
  return text
}

function judge(
  known: KnownCredential,
  { resource, identifier, isIntrospector }: Place,
  { client, form }: OAuthCall,
  circumstances: Circumstances,
  { directory }: OAuthDeps,
): Judged | Denied {
  const { kind, narrowing } = known.stored
  if (kind === 'bootstrap') return deny('credential_kind_refused', { kind })
  if (!isIntrospector && !isOwn(known, client)) return deny('token_not_owned')
  if (resource === undefined) {
    const caller = known.callerAt(directory.management, directory)
    const dead = credentialRefused(caller, circumstances)
    if (dead !== undefined) return dead
    if (identifier === null) return { caller, reach: undefined }
    return deny('resource_not_granted', {
      resource: identifier,
      granted: narrowing.resources ?? ['every resource that there is'],
    })
  }
  const caller = known.callerAt(resource, directory)
  const unreached = reachRefused(caller, resource, circumstances)
  if (unreached !== undefined) return unreached
  const project = form.get('project')
  const reach = reachOf(caller, project)
  if (reach !== undefined) return { caller, reach }
  return project === undefined || caller.grant === undefined
    ? deny('permission_missing', { resource: resource.name })
    : deny('project_not_granted', { project, confined_to: caller.grant.projects ?? [] })
}

const NOTHING_MORE = { scopes: [], roles: [] }

/**
 * The rights that hold together, and in which projects.
 *
 * Security: without a project, what holds in some of them alone is left out; a service that looks at scopes and not at
 * projects would take it for one that holds in each.
 */
function reachOf({ grant }: KnownCaller, project: string | undefined): Reach | undefined {
  if (grant === undefined) return undefined
  if (project === undefined) return reachAtAnyProject(grant, NOTHING_MORE)
  const rights = rightsAtProject(grant, project)
  return rights && { rights, projects: [project] }
}

/** One answer for all that is not active, or not for this client to know. Why, only the operator learns. */
function inactive(
  denied: Denied,
  { client, asked }: OAuthCall,
  known: KnownCredential | undefined,
  place: Place | undefined,
  deps: OAuthDeps,
): Response {
  const introspected_by = refText({ kind: 'client', id: client.id })
  const detailed = deny(denied.code, { ...denied.detail, introspected_by })
  deps.counts.introspected.inactive++
  const id = deps.noteRefusal(detailed, asked, known, place?.resource)
  return oauthJson(200, { active: false }, { [DECISION_HEADER]: id })
}
