import { type Breakage, byPath, identity, only, without } from './breakage.ts'

/** The site of docs/guides/caddy.md, each time with one thing wrong. */
export const CADDY: readonly Breakage[] = [
  {
    broken: 'hands on one header fewer, and strips none',
    changes: [without('\t\trequest_header -Remote-*'), without('\t\t\t\tRemote-Groups')],
    ...{ ...identity, finds: ['strip_identity', /Remote-Groups/] },
  },
  {
    broken: 'lets underscores and dots through',
    changes: [without('\t\trequest_header -*_*'), without('\t\trequest_header -*.*')],
    ...{ ...identity, finds: ['strip_underscores', /Remote_User.*Remote\.User/] },
  },
  {
    broken: 'lets X-Forwarded-User through',
    changes: [without('\t\trequest_header -X-Forwarded-*')],
    ...{ ...identity, finds: ['strip_forwarding_to_service', /X-Forwarded-User/] },
  },
  {
    broken: 'lets X-Forwarded-User through, as the service says',
    changes: [without('\t\trequest_header -X-Forwarded-*')],
    ...{ ...byPath, finds: ['strip_forwarding_to_service', /X-Forwarded-User/] },
  },
  {
    broken: 'lets Connection name what it adds, as the service says',
    changes: [without('\t\trequest_header @ordinary -Connection')],
    ...{ ...byPath, finds: ['connection', /Remote-User/] },
  },
  {
    broken: 'lets X-Real-IP through',
    changes: [without('\t\trequest_header -X-Real-IP')],
    ...{ ...identity, finds: ['strip_forwarding_to_service', /X-Real-IP/] },
  },
  {
    broken: 'lets the words through that override a method',
    changes: [without('\t\trequest_header -X-HTTP-Method-Override')],
    ...{ ...identity, finds: ['strip_overrides', /X-HTTP-Method-Override/] },
  },
  {
    broken: 'shows the service the key',
    changes: [without('\t\trequest_header -Authorization')],
    ...{ ...identity, finds: ['credential_Authorization', /Authorization/] },
  },
  {
    broken: 'shows the service the key of X-Api-Key',
    changes: [without('\t\trequest_header -X-Api-Key')],
    ...{ ...identity, finds: ['credential_X-Api-Key', /X-Api-Key/] },
  },
  {
    broken: 'lets Connection name what it adds',
    changes: [without('\t\trequest_header @ordinary -Connection')],
    ...{ ...identity, finds: ['connection', /Remote-User/] },
  },
  {
    broken: 'lets X-Original-URL through to the question',
    changes: [without('\t\trequest_header -X-Original-*')],
    ...{ words: only('headers'), finds: ['header-X-Original-URL', /X-Original-URL/] },
  },
  {
    broken: 'believes every client about its address and host',
    changes: [
      without('\t\trequest_header -X-Forwarded-*'),
      ['uri /verify/forward', 'uri /verify/forward\n\t\t\ttrusted_proxies 127.0.0.0/8'],
    ],
    ...{ words: only('headers'), finds: ['header-X-Forwarded-For', /203\.0\.113\.77/] },
  },
  {
    broken: 'asks about reading alone',
    changes: [
      ['forward_auth 127.0.0.1:8420 {', '@asked method GET HEAD POST\n\t\tforward_auth @asked 127.0.0.1:8420 {'],
    ],
    ...{ words: only('methods'), finds: ['method-PROPFIND', /not asked about PROPFIND/] },
  },
  {
    broken: 'asks about writing alone',
    changes: [['forward_auth 127.0.0.1:8420 {', '@asked method PUT DELETE\n\t\tforward_auth @asked 127.0.0.1:8420 {']],
    ...{ words: only('methods'), finds: ['baseline', /not asked at all/] },
  },
  {
    broken: 'asks about no style sheets',
    changes: [['forward_auth 127.0.0.1:8420 {', '@asked not path *.css\n\t\tforward_auth @asked 127.0.0.1:8420 {']],
    ...{ words: only('places'), finds: [/^place-/, /style\.css/] },
  },
  {
    broken: 'asks about no preflights',
    changes: [['forward_auth 127.0.0.1:8420 {', '@asked not method OPTIONS\n\t\tforward_auth @asked 127.0.0.1:8420 {']],
    ...{ words: only('protocols'), finds: ['preflight', /preflight/] },
  },
  {
    broken: 'asks about no WebSocket',
    changes: [
      ['forward_auth 127.0.0.1:8420 {', '@asked not header Upgrade *\n\t\tforward_auth @asked 127.0.0.1:8420 {'],
    ],
    ...{ words: only('protocols'), finds: ['websocket', /WebSocket/] },
  },
  {
    broken: 'leads to Countersign itself',
    changes: [['reverse_proxy /.well-known/oauth-protected-resource*', 'reverse_proxy /verify/*']],
    ...{ words: only('verify'), finds: ['verify-/verify/forward', /whoever likes may ask/] },
  },
  {
    broken: 'leads all of /.well-known to Countersign',
    changes: [['/.well-known/oauth-protected-resource*', '/.well-known/*']],
    ...{ words: only('places'), finds: ['place-0', /\.well-known/] },
  },
  {
    broken: 'asks about a path that it made plain',
    changes: [['forward_auth 127.0.0.1:8420 {', 'uri replace // /\n\t\tforward_auth 127.0.0.1:8420 {']],
    ...{ words: only('paths'), finds: [/^path-/, /a\/b/], level: 'warning' },
  },
]
