import { REVISION_HEADER } from '@countersign/admin-api'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { auditEventRoutes } from './audit-event-routes.ts'
import { clientRoutes } from './client-routes.ts'
import { credentialRoutes } from './credential-routes.ts'
import { decisionRoutes } from './decision-routes.ts'
import type { AdminDeps } from './deps.ts'
import { groupRoutes } from './group-routes.ts'
import { importRoutes } from './import-routes.ts'
import { issuerRoutes } from './issuer-routes.ts'
import { leakRoutes } from './leak-routes.ts'
import { meRoutes } from './me-routes.ts'
import { nodeRoutes } from './node-routes.ts'
import { describeAt } from './openapi.ts'
import { type AdminEnv, callerOf } from './operation.ts'
import { permissionRoutes } from './permission-routes.ts'
import { problemResponse, Rejected, unacceptable } from './problem.ts'
import { readBodyText } from './request-body.ts'
import { resourceRoutes } from './resource-routes.ts'
import { signingKeyRoutes } from './signing-key-routes.ts'
import { trustRuleRoutes } from './trust-rule-routes.ts'
import { userRoutes } from './user-routes.ts'

const BASE = '/api/v1'
const DESCRIPTION = `${BASE}/openapi.json`
/** What the rules of this API let everybody do: there alone nobody has to be known. */
const PUBLIC = new Set([`GET ${DESCRIPTION}`, `HEAD ${DESCRIPTION}`, `POST ${BASE}/leaks`])

/**
 * The management API, to be called for what the one path allowed, and with whom it allowed.
 *
 * It does not authenticate, nor check the scope that a route needs: that is the path's, by the rules of the resource
 * `countersign`. It holds the law of minting and escalation (see `write.ts`). `onError` hears of outages and bugs.
 */
export function managementApi(deps: AdminDeps, onError: (error: unknown) => void): OpenAPIHono<AdminEnv> {
  const api = new OpenAPIHono<AdminEnv>({
    defaultHook: (result) => {
      if (!result.success) throw unacceptable(result.target, result.error)
    },
  })
  api.onError((error, { env }) => problemResponse(ofHono(error), onError, env?.authorized?.noteRefusal))
  api.notFound(({ req }) => {
    const allowed = methodsAt(api, req.path)
    return problemResponse(allowed.length === 0 ? noSuchPath() : wrongMethod(allowed), onError, undefined)
  })
  api.use(deps.counts.middleware, noStore, sayingRevision(deps.directory), knownCaller, limitedBody)
  for (const routes of [
    resourceRoutes,
    groupRoutes,
    clientRoutes,
    userRoutes,
    permissionRoutes,
    issuerRoutes,
    trustRuleRoutes,
    importRoutes,
    credentialRoutes,
    leakRoutes,
    signingKeyRoutes,
    nodeRoutes,
    decisionRoutes,
    auditEventRoutes,
    meRoutes,
  ]) {
    api.route(BASE, routes(deps))
  }
  describeAt(DESCRIPTION, api)
  return api
}

const noStore: MiddlewareHandler = async (c, next) => {
  await next()
  c.header('Cache-Control', 'no-store')
}

/** So that whoever changed something can tell when every node counts with it. */
const sayingRevision =
  (directory: AdminDeps['directory']): MiddlewareHandler =>
  async (c, next) => {
    await next()
    if (!/^(GET|HEAD)$/.test(c.req.method) && c.res.ok) c.header(REVISION_HEADER, String(directory.revision))
  }

/** Security: a call without a caller is a hole in the path before this API; nothing is answered. */
const knownCaller: MiddlewareHandler<AdminEnv> = async (c, next) => {
  // A rule passes over a slash at the end.
  const called = `${c.req.method} ${c.req.path.replace(/\/$/, '')}`
  if (!PUBLIC.has(called)) callerOf(c)
  await next()
}

/** Reads the body within its limit; what follows reads what was read. */
const limitedBody: MiddlewareHandler = async ({ req }, next) => {
  const { method, headers, url } = req.raw
  if (method !== 'GET' && method !== 'HEAD') {
    const body = await readBodyText(req.raw)
    req.raw = new Request(url, { method, headers, body: body === '' ? null : body })
  }
  await next()
}

/** What hono throws by itself, in our words. */
function ofHono(error: unknown): unknown {
  if (!(error instanceof HTTPException)) return error
  if (error.status === 415) return new Rejected('unsupported_media_type', 'Send Content-Type: application/json.')
  if (error.status === 400) return new Rejected('invalid_body', 'Send a JSON object, {} at least.')
  return error
}

function noSuchPath(): Rejected {
  return new Rejected('not_found', `No path of this API. ${DESCRIPTION} lists those there are.`)
}

function wrongMethod(allowed: readonly string[]): Rejected {
  const list = allowed.join(', ')
  return new Rejected('method_not_allowed', `Use ${list}.`, undefined, { Allow: list })
}

/** The methods of the routes that have this path. */
function methodsAt(api: OpenAPIHono<AdminEnv>, path: string): string[] {
  const segments = path.split('/')
  const fits = (pattern: string) => {
    const wanted = pattern.split('/')
    return wanted.length === segments.length && wanted.every((word, i) => word.startsWith(':') || word === segments[i])
  }
  const methods = new Set(
    api.routes.filter(({ method, path }) => method !== 'ALL' && fits(path)).map(({ method }) => method),
  )
  if (methods.has('GET')) methods.add('HEAD')
  return [...methods]
}
