import { IDENTITY_HEADERS } from '@countersign/admin-api'
import { type AdviceId, advised, type ProxyName } from './advice.ts'
import type { Finding } from './finding.ts'
import { unanswered } from './judge.ts'
import { exchange, type RawAnswer } from './raw-exchange.ts'
import type { Site } from './site.ts'

/** How the service tells what it received, and a key that it may be asked with. */
export type Echo = {
  /** A path of the service that answers with the headers it was sent; undefined: our own echo stands in for it. */
  readonly path: string | undefined
  /** A line that shows a key which may GET there, and the key itself, to be looked for. */
  readonly shown: string
  readonly key: string
  /** Further names that this resource gives identity headers. */
  readonly aliases: readonly string[]
}

/** Headers that no client may get through, by what strips them. */
export function spoofs(aliases: readonly string[]): readonly (readonly [advice: AdviceId, names: readonly string[]])[] {
  const identity = [...IDENTITY_HEADERS, ...aliases]
  const forwarding = [
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Original-URI',
    'X-Original-Method',
    'X-Original-Host',
  ]
  const parts = ['For', 'Host', 'Proto', 'Port', 'Prefix', 'Server', 'Method', 'Uri', 'User', 'Path']
  return [
    ['strip_identity', [...identity, 'Countersign-Decision', 'Countersign-Proxy-Secret']],
    [
      'strip_underscores',
      [
        ...[...identity, 'X-Forwarded-For', 'X-Forwarded-Host'].map((name) => name.replaceAll('-', '_')),
        ...['Remote.User', 'Remote.Groups', 'Remote_User', 'X_Forwarded-For', 'X-Forwarded_Host'],
      ],
    ],
    ['strip_forwarding_to_service', [...forwarding, ...parts.map((part) => `X-Forwarded-${part}`)]],
    ['strip_overrides', ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', 'X-Rewrite-URL', 'Proxy']],
  ]
}

/** Whether what a client made up reaches the service, and whether it learns who really called. */
export async function probeIdentity(site: Site, echo: Echo, proxies: readonly ProxyName[]): Promise<Finding[]> {
  const path = echo.path ?? `/countersign-doctor-${site.nonce}`
  let lost: Finding | undefined
  const ask = async (target: string, more: readonly string[], shown = echo.shown) => {
    const end = ['User-Agent: countersign-doctor', 'Connection: close']
    const lines = [`GET ${target} HTTP/1.1`, `Host: ${site.host}`, shown, ...more]
    const hasConnection = more.some((line) => /^connection:/i.test(line))
    const answer = await exchange(site.place, [...lines, ...(hasConnection ? end.slice(0, 1) : end)])
    if ('failure' in answer) lost ??= unanswered('identity', 'some request with made-up headers', answer)
    return 'failure' in answer || answer.status !== 200 ? undefined : answer
  }
  const fault = (check: string, says: string, advice: AdviceId): Finding => ({
    ...{ check, level: 'fault', says, todo: advised(advice, proxies) },
  })

  const honest = await ask(path, [])
  if (honest === undefined || !isEcho(honest, site, echo)) return [unreached(path, echo)]

  const findings: Finding[] = []
  const untold = IDENTITY_HEADERS.filter((name) => !names(honest, name))
  if (untold.length > 0) {
    findings.push(fault('identity_missing', `The service is not told ${list(untold)}.`, 'hand_on_identity'))
  }
  for (const [how, shown] of [
    ['Authorization', echo.shown],
    ['X-Api-Key', `X-Api-Key: ${echo.key}`],
  ] as const) {
    const answer = await ask(path, [], shown)
    if (answer?.body.includes(echo.key)) {
      findings.push(fault(`credential_${how}`, `The service is shown the caller’s key, in ${how}.`, 'hide_credential'))
    }
  }
  for (const [advice, headers] of spoofs(echo.aliases)) {
    const through: string[] = []
    for (const [index, name] of headers.entries()) {
      const made = `doctor-${site.nonce}-${index}`
      const answer = await ask(path, [`${name}: ${made}`])
      if (answer?.body.includes(made)) through.push(name)
    }
    if (through.length > 0)
      findings.push(fault(advice, `The service believes a client about ${list(through)}.`, advice))
  }

  const dropped = await ask(path, ['Connection: close, Remote-User, Remote-Groups, Countersign-Assertion'])
  if (dropped !== undefined && untold.length === 0) {
    const gone = ['Remote-User', 'Remote-Groups', 'Countersign-Assertion'].filter((name) => !carries(dropped, name))
    if (gone.length > 0) {
      findings.push(
        fault('connection', `With a Connection header a client keeps ${list(gone)} from the service.`, 'connection'),
      )
    }
  }
  const upgraded = await ask(path, [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAARA',
  ])
  if (upgraded !== undefined && /["':,= ]h2c\b/i.test(upgraded.body)) {
    findings.push(
      fault('upgrade', 'The service is asked to switch to h2c: what comes then is decided on by nobody.', 'connection'),
    )
  }
  // Countersign refuses every path with dot segments: what arrives with some was decided on as another.
  for (const odd of ['a/../b', 'a/%2e%2e/b', 'a\\..\\b']) {
    const answer = await ask(`/countersign-doctor-${site.nonce}/${odd}`, [])
    const target = answer === undefined ? undefined : targetIn(answer)
    if (target !== undefined && /(\/|%2f|\\|%5c)(\.|%2e){2}(\/|%2f|\\|%5c|$)/i.test(target)) {
      findings.push(
        fault(
          'path_decided',
          `The service is asked for ${target}, which Countersign was told otherwise.`,
          'raw_target',
        ),
      )
      break
    }
  }
  return lost === undefined ? findings : [...findings, lost]
}

/** What is said where nobody tells what the service receives. */
export const IDENTITY_UNCHECKED: Finding = {
  check: 'identity',
  level: 'unchecked',
  says: 'Whether the service believes a client about who it is was not tried: nobody tells what it receives.',
  todo: [
    'Stop the service, and let the doctor answer in its place, with a key that may GET there:',
    '  --echo-listen <the address that your proxy passes requests on to> --with-key-file <path>',
    'Or name a path of the service that answers with the headers it was sent: --echo-path <path> --with-key-file <path>',
  ],
}

function unreached(path: string, echo: Echo): Finding {
  const way =
    echo.path === undefined
      ? 'Does the proxy pass requests on to the address of --echo-listen?'
      : `Does ${path} show headers?`
  return {
    ...{ check: 'identity', level: 'fault' },
    says: `GET ${path} with the key of --with-key-file does not reach what tells the headers.`,
    todo: [way, 'May the key GET there? See: countersign why --last'],
  }
}

function isEcho({ body }: RawAnswer, { nonce }: Site, { path }: Echo): boolean {
  return path === undefined ? body.includes(`"countersign_echo":"${nonce}"`) : /remote.user/i.test(body)
}

/** However the service spells it: `Remote-User`, `HTTP_REMOTE_USER`. */
function names({ body }: RawAnswer, header: string): boolean {
  return body.toLowerCase().replaceAll('_', '-').includes(header.toLowerCase())
}

/** Whether it came with a value: a name alone may be part of `Connection`. */
function carries(answer: RawAnswer, header: string): boolean {
  const text = answer.body.toLowerCase().replaceAll('_', '-')
  return new RegExp(`${header.toLowerCase()}["']?\\s*[,:=]+>?\\s*["']?[^\\s"',]`).test(text)
}

function targetIn({ body }: RawAnswer): string | undefined {
  return /"target":"([^"]*)"/.exec(body)?.[1]?.replaceAll('\\\\', '\\')
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
