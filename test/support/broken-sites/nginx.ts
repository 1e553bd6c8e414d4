import type { Change } from '../doctor-stage.ts'
import { type Breakage, identity, only, without } from './breakage.ts'

const QUESTION = '    proxy_set_header X-Original-Method  $request_method;'
const ASKING = '  location / {'
const open = (path: string) =>
  `  location ${path} {\n    auth_request off;\n    proxy_pass http://127.0.0.1:8080;\n  }\n`

const PLAIN_PATH: readonly Change[] = [
  ['$scheme://$countersign_host$request_uri', '$scheme://$countersign_host$plain$is_args$args'],
  [ASKING, `${ASKING}\n    set $plain $uri;`],
]

/** The site of docs/guides/nginx.md, each time with one thing wrong. */
export const NGINX: readonly Breakage[] = [
  {
    broken: 'forgets one of the twelve',
    changes: [without('  proxy_set_header Remote-Groups         $countersign_groups;')],
    ...{ ...identity, finds: ['strip_identity', /Remote-Groups/] },
  },
  {
    broken: 'lets underscores through',
    changes: [['underscores_in_headers off', 'underscores_in_headers on']],
    ...{ ...identity, finds: ['strip_underscores', /Remote_User/] },
  },
  {
    broken: 'lets dots through',
    changes: [['ignore_invalid_headers on', 'ignore_invalid_headers off']],
    ...{ ...identity, finds: ['strip_underscores', /Remote\.User/] },
  },
  {
    broken: 'lets X-Forwarded-User through',
    changes: [without('  proxy_set_header X-Forwarded-User   "";')],
    ...{ ...identity, finds: ['strip_forwarding_to_service', /X-Forwarded-User/] },
  },
  {
    broken: 'shows the service the key',
    changes: [without('  proxy_set_header Authorization            "";')],
    ...{ ...identity, finds: ['credential_Authorization', /Authorization/] },
  },
  {
    broken: 'hands on every upgrade',
    changes: [
      ['Upgrade    $countersign_upgrade', 'Upgrade    $http_upgrade'],
      ['Connection $countersign_connection', 'Connection "upgrade"'],
    ],
    ...{ ...identity, finds: ['upgrade', /h2c/] },
  },
  {
    broken: 'asks about its own question',
    changes: [['$scheme://$countersign_host$request_uri', '$scheme://$countersign_host$uri']],
    ...{ words: only('methods'), finds: ['baseline', /\/countersign-verify/] },
  },
  {
    broken: 'asks about the path that it made plain, and hands on the other',
    changes: PLAIN_PATH,
    ...{ ...identity, finds: ['path_decided', /\.\./] },
  },
  {
    broken: 'asks about the path that it made plain',
    changes: PLAIN_PATH,
    ...{ words: only('paths'), finds: [/^path-/, /is told of/], level: 'warning' },
  },
  {
    broken: 'lets X-Forwarded-Uri through to the question',
    changes: [without('    proxy_set_header X-Forwarded-Uri    "";')],
    ...{ words: only('headers'), finds: ['header-X-Forwarded-Uri', /X-Forwarded-Uri/] },
  },
  {
    broken: 'believes every client about its address',
    changes: [[/X-Real-IP {10}\$remote_addr;(?=\n {4}proxy_set_header X-Forwarded-For)/, 'X-Real-IP $http_x_real_ip;']],
    ...{ words: only('headers'), finds: ['header-X-Real-IP', /203\.0\.113\.77/] },
  },
  {
    broken: 'believes every client about its method',
    changes: [[QUESTION, '    proxy_set_header X-Original-Method  $http_x_original_method;']],
    ...{ words: only('headers'), finds: ['baseline', /does not take the proxy’s question/] },
  },
  {
    broken: 'asks about the host that Host names',
    changes: [['X-Original-URL     $scheme://$countersign_host', 'X-Original-URL     $scheme://$http_host']],
    ...{ words: only('hosts'), finds: ['host-absolute', /another Host/] },
  },
  {
    broken: 'asks about no style sheets',
    changes: [[ASKING, `${open('~* \\.(css|js)$')}${ASKING}`]],
    ...{ words: only('places'), finds: [/^place-/, /style\.css/] },
  },
  {
    broken: 'asks nothing in a location that was added',
    changes: [[ASKING, `${open('/public/')}${ASKING}`]],
    ...{ words: only('places'), finds: [/^place-/, /\/public\//] },
  },
  {
    broken: 'asks about no OPTIONS',
    changes: [
      [
        ASKING,
        `${open('@open')}${ASKING}\n    error_page 418 = @open;\n    if ($request_method = OPTIONS) { return 418; }`,
      ],
    ],
    ...{ words: only('methods'), finds: ['method-OPTIONS', /not asked about OPTIONS/] },
  },
  {
    broken: 'is satisfied with an address',
    changes: [[ASKING, `  satisfy any;\n  allow 127.0.0.0/8;\n  deny all;\n${ASKING}`]],
    ...{ words: only('methods'), finds: ['baseline', /not asked at all/] },
  },
  {
    broken: 'passes on what was refused',
    changes: [
      ['error_page 401 @countersign_unauthenticated;', 'error_page 401 = @open;'],
      [ASKING, `${open('@open')}${ASKING}`],
    ],
    ...{ words: only('methods'), finds: [/^(method-|baseline)/, /does not hold to refusals|not asked/] },
  },
  {
    broken: 'answers 200 to what was refused',
    changes: [
      ['error_page 401 @countersign_unauthenticated;', 'error_page 401 = @fine;'],
      [ASKING, `  location @fine { return 200 "fine"; }\n${ASKING}`],
    ],
    ...{ words: only('methods'), finds: [/^(method-|baseline)/, /does not hold to refusals|not asked/] },
  },
  {
    broken: 'passes on what nobody could decide',
    changes: [[ASKING, `${open('@open')}  error_page 500 = @open;\n${ASKING}`]],
    ...{ isDown: true, words: ' --while-down', finds: [/^down-/, /lets it pass/] },
  },
  {
    broken: 'leads to Countersign itself',
    changes: [
      [ASKING, `  location /verify/ {\n    auth_request off;\n    proxy_pass http://countersign;\n  }\n${ASKING}`],
    ],
    ...{ words: only('verify'), finds: [/^verify-\/verify\//, /whoever likes may ask/] },
  },
  {
    broken: 'hides which decision it was',
    changes: [without('  add_header Countersign-Decision $countersign_decision always;')],
    ...{ words: only('methods'), finds: ['refusal_headers', /Countersign-Decision/], level: 'warning' },
  },
]
