import type { Listener } from '@countersign/resource-server'
import { type Config, hostOf } from '../config.ts'
import type { Handler } from '../http/guard.ts'
import type { Routes } from '../http/listen.ts'
import { forLocalPeers } from '../http/local-peers.ts'
import { notFound } from '../http/not-found.ts'
import { oauthRoutes } from '../http/oauth-routes.ts'
import type { RequestIds } from '../http/request-ids.ts'
import { resourceMetadata } from '../http/resource-metadata.ts'
import type { OAuthDeps } from '../oauth/deps.ts'
import { type EdgeDeps, verifyEdge } from '../verify/edge.ts'

type Parts = {
  readonly config: Config
  readonly edge: EdgeDeps
  readonly requestIds: RequestIds
  readonly oauth: OAuthDeps
  /** The management API, behind the one path. */
  readonly api: Handler
  /** Exact paths that both listeners have. */
  readonly everywhere: Readonly<Record<string, Handler>>
  readonly metrics: Handler
}

/** What each listener answers. With an internal one, verify and metrics are there alone. */
export function routing({ config, edge, requestIds, oauth, api: unnamedApi, everywhere, metrics }: Parts): {
  readonly publicRoutes: Routes
  readonly internalRoutes: Routes | undefined
} {
  const { directory } = edge.verify
  const { proxies } = edge
  const elsewhere = resourceMetadata(
    { directory, issuer: config.publicUrl, issuerHost: hostOf(config.publicUrl), proxies },
    notFound,
  )
  const api = requestIds.giving(unnamedApi, proxies)
  const isApi = (request: Request) => /^https?:\/\/[^/]+\/api\/v1(\/|$|\?)/.test(request.url)
  const verifyRoutes = (listener: Listener): Record<string, Handler> => ({
    '/verify/forward': verifyEdge('forward', listener, edge),
    '/api/verify': verifyEdge('forward', listener, edge),
    '/verify/nginx': verifyEdge('nginx', listener, edge),
  })
  const readMetrics: Handler = (request, peer) =>
    (/^(GET|HEAD)$/.test(request.method) ? metrics : notFound)(request, peer)
  // Where others reach this listener there is a proxy secret, and who shows it may ask; else this machine alone may.
  const forWhoMayAsk = (show: Handler): Handler =>
    config.proxySecret === undefined
      ? forLocalPeers(show, notFound)
      : (request, peer) => (proxies.refused(peer, request.headers) ? notFound : show)(request, peer)

  const isAlone = config.internalListen === undefined
  return {
    publicRoutes: {
      exact: {
        ...everywhere,
        ...oauthRoutes('public', config.tokenListener === 'any', oauth),
        ...(isAlone && { ...verifyRoutes('public'), '/metrics': forWhoMayAsk(readMetrics) }),
      },
      fallback: (request, peer) => (isApi(request) ? api(request, peer) : elsewhere(request, peer)),
      forProxies: isAlone,
    },
    internalRoutes: isAlone
      ? undefined
      : {
          exact: {
            ...everywhere,
            ...oauthRoutes('internal', true, oauth),
            ...verifyRoutes('internal'),
            '/metrics': readMetrics,
          },
          fallback: elsewhere,
          forProxies: true,
        },
  }
}
