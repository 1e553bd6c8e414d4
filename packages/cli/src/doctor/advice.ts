import { UsageError } from '../exit.ts'

/** Proxies that there is a guide for, as `--proxy` names them. */
export const PROXY_NAMES = ['caddy', 'nginx', 'haproxy', 'traefik'] as const
export type ProxyName = (typeof PROXY_NAMES)[number]

export const PROXY_TITLES: Readonly<Record<ProxyName, string>> = {
  caddy: 'Caddy',
  nginx: 'nginx',
  haproxy: 'HAProxy',
  traefik: 'Traefik',
}

type Advice = Readonly<Record<ProxyName, readonly string[]>> & {
  /** The hole, in a few words. */
  readonly closes: string
}

/**
 * What closes a hole: the lines of the guides, so that each of them can be looked up there with what it is for.
 * A test sees that every line stands in its guide.
 */
export const ADVICE = {
  ask_everywhere: {
    closes: 'Requests that Countersign is not asked about',
    caddy: ['forward_auth 127.0.0.1:8420 {'],
    nginx: ['auth_request /countersign-verify;'],
    haproxy: ['http-request lua.countersign 127.0.0.1:8420 unless metadata'],
    traefik: ['middlewares: [countersign-strip, countersign-ask, countersign-hide]'],
  },
  hold_to_refusals: {
    closes: 'Refusals, or silence, that the proxy does not hold to',
    caddy: ['forward_auth 127.0.0.1:8420 {'],
    nginx: ['error_page 401 @countersign_unauthenticated;', 'error_page 403 @countersign_forbidden;'],
    haproxy: ['http-request deny deny_status 503 unless metadata or { var(txn.countersign_allowed) -m bool }'],
    traefik: ['middlewares: [countersign-strip, countersign-ask, countersign-hide]'],
  },
  raw_target: {
    closes: 'A path that Countersign is told otherwise than it was sent',
    caddy: ['uri /verify/forward'],
    nginx: ['proxy_set_header X-Original-URL     $scheme://$countersign_host$request_uri;'],
    haproxy: ['http-request lua.countersign 127.0.0.1:8420 unless metadata', 'http-request set-uri %[pathq]'],
    traefik: ['sanitizePath: true'],
  },
  strip_forwarding: {
    closes: 'What a client says of its own request, and Countersign believes',
    caddy: [
      'request_header -Forwarded',
      'request_header -X-Forwarded-*',
      'request_header -X-Original-*',
      'request_header -X-Real-IP',
      'request_header -Countersign-*',
    ],
    nginx: [
      'proxy_set_header X-Original-Method  $request_method;',
      'proxy_set_header X-Original-URL     $scheme://$countersign_host$request_uri;',
      'proxy_set_header X-Real-IP          $remote_addr;',
      'proxy_set_header X-Forwarded-Uri    "";',
      'proxy_set_header X-Forwarded-For    "";',
    ],
    haproxy: [
      'http-request del-header forwarded',
      'http-request del-header x-forwarded- -m beg',
      'http-request del-header x-original- -m beg',
      'http-request del-header x-real-ip',
      'http-request del-header countersign- -m beg',
    ],
    traefik: ['trustForwardHeader: false', 'insecure: false', 'trustedIPs: []', 'X-Original-URL: ""'],
  },
  connection: {
    closes: 'Connection and Upgrade of the client’s',
    caddy: [
      'request_header @websocket Connection Upgrade',
      'request_header @websocket Upgrade websocket',
      'request_header @ordinary -Connection',
    ],
    nginx: [
      'proxy_set_header Upgrade    $countersign_upgrade;',
      'proxy_set_header Connection $countersign_connection;',
    ],
    haproxy: [
      'http-request del-header connection unless websocket',
      'http-request del-header upgrade    unless websocket',
    ],
    traefik: ['insecure: false'],
  },
  one_host: {
    closes: 'A host that is decided on, and another that answers',
    caddy: ['webdav.example.com {'],
    nginx: [
      'default                          $host;',
      'proxy_set_header X-Original-URL     $scheme://$countersign_host$request_uri;',
    ],
    haproxy: ['http-request set-header x-forwarded-host  %[req.fhdr(host)]'],
    traefik: ['trustForwardHeader: false'],
  },
  hide_verify: {
    closes: 'Questions that anybody may ask Countersign',
    caddy: ['reverse_proxy /.well-known/oauth-protected-resource* 127.0.0.1:8420'],
    nginx: ['internal;'],
    haproxy: ['use_backend countersign if metadata'],
    traefik: ['service: webdav'],
  },
  tell_callers: {
    closes: 'Refused callers that are told too little',
    caddy: ['forward_auth 127.0.0.1:8420 {'],
    nginx: [
      'add_header Countersign-Decision $countersign_decision always;',
      'add_header WWW-Authenticate     $countersign_forbidden always;',
    ],
    haproxy: ['http-request lua.countersign 127.0.0.1:8420 unless metadata'],
    traefik: ['middlewares: [countersign-strip, countersign-ask, countersign-hide]'],
  },
  strip_identity: {
    closes: 'Identity headers of the client’s that the service believes',
    caddy: ['request_header -Remote-*', 'request_header -Countersign-*'],
    nginx: ['proxy_set_header Remote-User           $countersign_user;'],
    haproxy: ['http-request del-header remote- -m beg', 'http-request del-header countersign- -m beg'],
    traefik: ['authResponseHeaders:', 'authResponseHeadersRegex: "^(Remote|Countersign)-"'],
  },
  strip_underscores: {
    closes: 'Headers with `_` or `.` for `-`',
    caddy: ['request_header -*_*', 'request_header -*.*'],
    nginx: ['underscores_in_headers off;', 'ignore_invalid_headers on;'],
    haproxy: ['http-request del-header _ -m sub', 'http-request del-header . -m sub'],
    traefik: ['underscoreHeadersStrategy: delete'],
  },
  strip_forwarding_to_service: {
    closes: 'What a client says of its own request, and the service believes',
    caddy: [
      'request_header -Forwarded',
      'request_header -X-Forwarded-*',
      'request_header -X-Original-*',
      'request_header -X-Real-IP',
    ],
    nginx: [
      'proxy_set_header X-Real-IP          $remote_addr;',
      'proxy_set_header X-Forwarded-For    $remote_addr;',
      'proxy_set_header X-Forwarded-Host   $countersign_host;',
      'proxy_set_header X-Forwarded-User   "";',
      'proxy_set_header X-Original-URL     "";',
      'proxy_set_header Forwarded          "";',
    ],
    haproxy: [
      'http-request del-header forwarded',
      'http-request del-header x-forwarded- -m beg',
      'http-request del-header x-original- -m beg',
      'http-request del-header x-real-ip',
    ],
    traefik: ['Forwarded: ""', 'X-Forwarded-User: ""', 'X-Original-URL: ""'],
  },
  strip_overrides: {
    closes: 'Another method or another path than was decided on',
    caddy: [
      'request_header -X-HTTP-Method',
      'request_header -X-HTTP-Method-Override',
      'request_header -X-Method-Override',
      'request_header -X-Rewrite-URL',
      'request_header -Proxy',
    ],
    nginx: [
      'proxy_set_header X-HTTP-Method          "";',
      'proxy_set_header X-HTTP-Method-Override "";',
      'proxy_set_header X-Method-Override      "";',
      'proxy_set_header X-Rewrite-URL          "";',
      'proxy_set_header Proxy                  "";',
    ],
    haproxy: [
      'http-request del-header x-http-method',
      'http-request del-header x-http-method-override',
      'http-request del-header x-method-override',
      'http-request del-header x-rewrite-url',
      'http-request del-header proxy',
    ],
    traefik: [
      'X-HTTP-Method: ""',
      'X-HTTP-Method-Override: ""',
      'X-Method-Override: ""',
      'X-Rewrite-URL: ""',
      'Proxy: ""',
    ],
  },
  hide_credential: {
    closes: 'Keys that the service gets to see',
    caddy: ['request_header -Authorization', 'request_header -X-Api-Key'],
    nginx: ['proxy_set_header Authorization            "";', 'proxy_set_header X-Api-Key                "";'],
    haproxy: ['http-request del-header authorization', 'http-request del-header x-api-key'],
    traefik: ['Authorization: ""', 'X-Api-Key: ""'],
  },
  hand_on_identity: {
    closes: 'A service that is not told who calls',
    caddy: ['copy_headers {'],
    nginx: [
      'auth_request_set $countersign_user       $upstream_http_remote_user;',
      'proxy_set_header Remote-User           $countersign_user;',
    ],
    haproxy: ['http-request lua.countersign 127.0.0.1:8420 unless metadata'],
    traefik: ['authResponseHeaders:'],
  },
} as const satisfies Record<string, Advice>
export type AdviceId = keyof typeof ADVICE

/** The lines that close a hole, each with whose they are. */
export function advised(advice: AdviceId, proxies: readonly ProxyName[]): string[] {
  return proxies.flatMap((proxy) => [
    `${PROXY_TITLES[proxy]} (docs/guides/${proxy}.md):`,
    ...ADVICE[advice][proxy].map((line) => `  ${line}`),
  ])
}

/** Whom to give advice for: the one that is named, else the one that says so in `Server`, else all. */
export function proxiesFor(named: string | undefined, serverHeader: string | undefined): readonly ProxyName[] {
  if (named !== undefined) {
    const known = PROXY_NAMES.find((proxy) => proxy === named)
    if (known === undefined) throw new UsageError(`--proxy: expected one of ${PROXY_NAMES.join(', ')}.`)
    return [known]
  }
  const shown = PROXY_NAMES.find((proxy) => serverHeader?.toLowerCase().includes(proxy))
  return shown === undefined ? PROXY_NAMES : [shown]
}
