import type { Change } from '../doctor-stage.ts'
import { type Breakage, identity, only, without } from './breakage.ts'

const LUA = 'http-request lua.countersign 127.0.0.1:8420 unless metadata'
const GATE = 'http-request deny deny_status 503 unless metadata or'
const unasked = (when: string): readonly Change[] => [
  [LUA, `${LUA} or ${when}`],
  [GATE, `${GATE} ${when} or`],
]

/** The site of docs/guides/haproxy.md, each time with one thing wrong. */
export const HAPROXY: readonly Breakage[] = [
  {
    broken: 'lets underscores and dots through',
    changes: [without('  http-request del-header _ -m sub'), without('  http-request del-header . -m sub')],
    ...{ ...identity, finds: ['strip_underscores', /Remote_User.*Remote\.User/] },
  },
  {
    broken: 'lets X-Forwarded-User through',
    changes: [without('  http-request del-header x-forwarded- -m beg')],
    ...{ ...identity, finds: ['strip_forwarding_to_service', /X-Forwarded-User/] },
  },
  {
    broken: 'lets the words through that override a path',
    changes: [without('  http-request del-header x-rewrite-url')],
    ...{ ...identity, finds: ['strip_overrides', /X-Rewrite-URL/] },
  },
  {
    broken: 'shows the service the key',
    changes: [without('  http-request del-header authorization')],
    ...{ ...identity, finds: ['credential_Authorization', /Authorization/] },
  },
  {
    broken: 'hands on every upgrade',
    changes: [
      without('  http-request del-header connection unless websocket'),
      without('  http-request del-header upgrade    unless websocket'),
    ],
    ...{ ...identity, finds: ['upgrade', /h2c/] },
  },
  {
    broken: 'lets X-Original-URL through to the question',
    changes: [without('  http-request del-header x-original- -m beg')],
    ...{ words: only('headers'), finds: ['header-X-Original-URL', /X-Original-URL/] },
  },
  {
    broken: 'believes every client about its address',
    changes: [
      ['  acl metadata', '  http-request set-src req.hdr(x-forwarded-for)\n  acl metadata'],
      without('  http-request del-header x-forwarded- -m beg'),
    ],
    ...{ words: only('headers'), finds: ['header-X-Forwarded-For', /203\.0\.113\.77/] },
  },
  {
    broken: 'asks about a path that it made plain',
    changes: [
      [LUA, `http-request normalize-uri path-merge-slashes\n  ${LUA}`],
      ['global\n', 'global\n  expose-experimental-directives\n'],
    ],
    ...{ words: only('paths'), finds: [/^path-/, /a\/b/], level: 'warning' },
  },
  {
    broken: 'asks about no OPTIONS',
    changes: unasked('{ method OPTIONS }'),
    ...{ words: only('methods'), finds: ['method-OPTIONS', /not asked about OPTIONS/] },
  },
  {
    broken: 'asks nothing under a path',
    changes: unasked('{ path_beg /public/ }'),
    ...{ words: only('places'), finds: [/^place-/, /\/public\//] },
  },
  {
    broken: 'asks about no WebSocket',
    changes: unasked('websocket'),
    ...{ words: only('protocols'), finds: ['websocket', /WebSocket/] },
  },
  {
    broken: 'passes on what the script could not decide',
    changes: [
      [LUA, LUA.replace('127.0.0.1:8420', 'nowhere')],
      [/ {2}http-request deny deny_status 503 unless.*\n/, ''],
    ],
    ...{ isDown: true, words: ' --while-down', finds: [/^down-/, /lets it pass/] },
  },
  {
    broken: 'leads to Countersign itself',
    changes: [
      ...unasked('{ path_beg /verify/ }'),
      ['use_backend countersign if metadata', 'use_backend countersign if metadata or { path_beg /verify/ }'],
    ],
    ...{ words: only('verify'), finds: ['verify-/verify/nginx', /whoever likes may ask/] },
  },
]
