// The API and its dashboard. Which scope a route needs stands beside it; who calls is found out in one place.

import { deny, refusalResponse } from '@countersign/resource-server'
import { type ApiKeys, MAX_KEY_DAYS } from './api-keys.ts'
import { isFromElsewhere } from './elsewhere.ts'
import type { People } from './people.ts'
import { problem } from './problem.ts'
import { KEY_SCOPES, type Scope } from './surfaces.ts'
import { type Caller, REALM } from './who-calls.ts'

export type ApiOptions = {
  readonly people: People
  readonly keys: ApiKeys
  /** Where browsers have the API. */
  readonly publicOrigin: string
  readonly whoCalls: (request: Request) => Promise<Caller | Response | undefined>
  readonly now: () => Date
}

type Route = (caller: Caller, request: Request, id: string) => Response | Promise<Response>

export function api({ people, keys, publicOrigin, whoCalls, now }: ApiOptions) {
  const done = (caller: Caller) => Response.json({ done_by: idOf(caller) })
  const ROUTES: readonly [method: string, path: RegExp, scope: Scope | undefined, route: Route][] = [
    ['GET', /^\/api\/me$/, undefined, (caller) => Response.json(described(caller))],
    ['GET', /^\/api\/repos$/, 'repos:read', () => Response.json({ repos: ['app', 'infra'] })],
    ['POST', /^\/api\/repos$/, 'repos:write', done],
    ['GET', /^\/api\/pushes$/, 'pushes:read', () => Response.json({ pushes: ['p1'] })],
    ['POST', /^\/api\/pushes\/([a-z0-9]+)\/approve$/, 'pushes:write', done],
    ['GET', /^\/api\/users$/, 'users:read', () => Response.json({ users: ['alice'] })],
    ['POST', /^\/api\/users$/, 'users:write', done],
    ['POST', /^\/api\/me\/keys$/, undefined, makeKey],
    ['DELETE', /^\/api\/me\/keys\/([a-z0-9-]+)$/, undefined, revokeKey],
  ]

  async function makeKey(caller: Caller, request: Request): Promise<Response> {
    const owner = ownerOf(caller)
    if (owner instanceof Response) return owner
    const asked: unknown = await request.json().catch(() => undefined)
    if (!isObject(asked))
      return problem(400, 'Expected a JSON object: {"scopes":["pushes:read"],"expires_in_days":30}.')
    const { scopes, expires_in_days: days = 90 } = asked
    const may = KEY_SCOPES.filter((scope) => caller.scopes.has(scope))
    const areScopes = Array.isArray(scopes) && scopes.length > 0 && scopes.every((one) => may.includes(one))
    if (!areScopes) return problem(400, `Expected scopes, of ${may.join(', ')}.`)
    if (!(Number.isInteger(days) && (days as number) >= 1 && (days as number) <= MAX_KEY_DAYS)) {
      return problem(400, `Expected expires_in_days, from 1 to ${MAX_KEY_DAYS}.`)
    }
    const expiresAt = new Date(now().getTime() + (days as number) * 86_400_000)
    const made = { ...keys.make(owner, scopes, expiresAt), scopes, expires_at: expiresAt }
    return Response.json(made, { status: 201, headers: { 'Cache-Control': 'no-store' } })
  }

  function revokeKey(caller: Caller, _request: Request, id: string): Response {
    const owner = ownerOf(caller)
    if (owner instanceof Response) return owner
    const isRevoked = keys.revoke(owner, id, now())
    return isRevoked ? new Response(null, { status: 204 }) : notFound()
  }

  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === '/login') return signIn(request)
    const caller = await whoCalls(request)
    if (caller instanceof Response) return caller
    if (!pathname.startsWith('/api/')) return page(pathname, caller)
    if (caller === undefined) return refusalResponse(deny('credential_missing'), REALM)
    for (const [method, path, scope, route] of ROUTES) {
      const [matched, id = ''] = path.exec(pathname) ?? []
      if (matched === undefined || method !== request.method) continue
      if (scope !== undefined && !caller.scopes.has(scope)) {
        return refusalResponse(deny('scope_missing', { missing: [scope] }), REALM, [scope])
      }
      return route(caller, request, id)
    }
    return notFound()
  }

  /** The dashboard, for people who signed in: no rule of the guard lets a machine get there. */
  function page(pathname: string, caller: Caller | undefined): Response {
    if (caller === undefined) return new Response(null, { status: 303, headers: { Location: '/login' } })
    if (pathname !== '/' || caller.principal.kind !== 'user') return notFound()
    return new Response(`Hello, ${caller.principal.name}.\n`)
  }

  async function signIn(request: Request): Promise<Response> {
    if (request.method !== 'POST') return new Response(LOGIN, { headers: { 'Content-Type': 'text/html' } })
    // Else another site signs a browser in as somebody of its choice, who then sees what is done under that name.
    if (isFromElsewhere(request, publicOrigin)) return new Response('Sign in at this page itself.\n', { status: 403 })
    const form = new URLSearchParams(await request.text())
    const cookie = await people.signIn(form.get('username') ?? '', form.get('password') ?? '')
    if (cookie === undefined) return new Response('That is not your password.\n', { status: 403 })
    return new Response(null, { status: 303, headers: { Location: '/', 'Set-Cookie': cookie } })
  }
}

const LOGIN =
  '<form method="post"><input name="username"><input name="password" type="password"><button>Sign in</button></form>'

/** Whose keys are meant. Only a session makes keys: a key that makes keys would outlive its revocation. */
function ownerOf({ principal, by }: Caller): string | Response {
  if (by === 'session' && principal.kind === 'user') return principal.id
  return refusalResponse(deny(principal.kind === 'user' ? 'minting_refused' : 'principal_kind_refused'), REALM)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function idOf({ principal }: Caller): string {
  return principal.kind === 'anonymous' ? 'anonymous' : `${principal.kind}:${principal.id}`
}

function described(caller: Caller) {
  return { id: idOf(caller), by: caller.by, scopes: [...caller.scopes].sort() }
}

function notFound(): Response {
  return problem(404, 'There is no such thing.')
}
