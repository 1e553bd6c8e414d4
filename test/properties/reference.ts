// The law of rights once more, as plainly as it can be said: slow, with regular expressions, and sharing no line with
// the code that it judges. «Permissions give, credentials narrow, access rules ask.»
import { type Asked, KEY_NAMES, type Key, type Requirement, SCOPES, type Scene, type Shown } from './scenes.ts'

type KeyName = (typeof KEY_NAMES)[number]

/** As whom it passes, and with which scopes; undefined: it does not. */
export type Passage = { readonly as: KeyName | 'nobody'; readonly scopes: readonly string[] } | undefined

export function passage(scene: Scene, asked: Asked): Passage {
  const { method } = asked
  if (method === 'TRACE' || method === 'get') return undefined
  const host = plainHost(asked.host)
  const at = scene.services.findIndex((one) => host === one.host || host?.replace(/^[^.]+/, '*') === one.host)
  const service = scene.services[at]
  if (host === undefined || service === undefined || service.disabled) return undefined
  const credential = shownTo(service, asked)
  if (credential === 'refused' || segmentsOf(asked.uri) === undefined) return undefined
  if (method === 'OPTIONS' && service.preflight === 'pass' && asked.cors && credential === 'none') {
    return { as: 'nobody', scopes: [] }
  }
  if (method !== 'MOVE' && method !== 'COPY') return mayDo(scene, at, method, asked.uri, asked.from, credential)

  const [, elsewhere, path] = /^(?:https:\/\/([^/?]*))?(\/.*)$/.exec(asked.destination ?? '') ?? []
  if (path === undefined || (elsewhere !== undefined && plainHost(elsewhere) !== host)) return undefined
  const mayWrite = mayDo(scene, at, 'PUT', path, asked.from, credential) !== undefined
  return mayWrite ? mayDo(scene, at, method, asked.uri, asked.from, credential) : undefined
}

function mayDo(scene: Scene, at: number, method: string, uri: string, from: string, shown: Shown | 'none'): Passage {
  const { rules = [] } = scene.services[at] ?? {}
  const segments = segmentsOf(uri)
  const isAmbiguous = /\/\/|;|%3b|%2f/i.test(uri.replace(/\?.*/, ''))
  if (segments === undefined || (isAmbiguous && rules.some(({ path }) => path !== '/**'))) return undefined
  for (const { methods, path, require = {} } of rules) {
    const match = patternOf(path).exec(segments.map((segment) => `\n${segment}`).join(''))
    if (match === null || (methods !== undefined && !methods.includes(method))) continue
    const project = path.includes(':project') ? match[1]?.replaceAll('\n', '/') : undefined
    return satisfies(scene, at, require, project, from, shown)
  }
  return undefined
}

function satisfies(
  scene: Scene,
  at: number,
  rule: Requirement,
  project: string | undefined,
  from: string,
  shown: Shown | 'none',
): Passage {
  if (rule.networks !== undefined && !from.startsWith('10.')) return undefined
  if (shown === 'none') return rule.public ? { as: 'nobody', scopes: [] } : undefined
  const key = scene.keys[(KEY_NAMES as readonly string[]).indexOf(shown)]
  if (key === undefined || !isLive(key, scene, from)) return undefined
  if (key.resources !== undefined && !key.resources.includes(at)) return undefined
  if (
    key.projects !== undefined &&
    (project === undefined ? rule.project !== 'any' : !key.projects.includes(project))
  ) {
    return undefined
  }
  const held = scene.permissions.filter(
    ({ service, holder }) => service === at && (holder === 'owner' || hasTeam(scene)),
  )
  // Where the path names no project and any will do: all there are in a scene, and one that nobody names.
  const unnamed = rule.project === 'any' ? (key.projects ?? ['x', 'y', 'another']) : ['another']
  const places = (project === undefined ? unnamed : [project]).flatMap((place) => {
    const given = held.filter(({ projects }) => projects === undefined || projects.includes(place))
    const scopes = SCOPES.filter((scope) => given.some((one) => one.scopes.some((pattern) => covers(pattern, scope))))
    const kept = scopes.filter((scope) => key.scopes === undefined || key.scopes.includes(scope))
    return given.length === 0 ? [] : [{ kept, roles: given.flatMap(({ roles }) => roles) }]
  })
  if (places.length === 0) return rule.public ? { as: shown as KeyName, scopes: [] } : undefined
  const { kind } = scene.owner
  const groups = hasTeam(scene) ? [`${kind}s`, 'team'] : [`${kind}s`]
  // All that is asked holds in one place; what is told holds in each place where it does, by the widest of the roles.
  const [widest = []] = (rule.roles ?? [undefined])
    .map((role) =>
      places.filter(
        ({ kept, roles }) =>
          (rule.scopes ?? []).every((scope) => kept.includes(scope)) && (role === undefined || roles.includes(role)),
      ),
    )
    .sort((one, other) => other.length - one.length)
  const isMet =
    widest.length > 0 &&
    (rule.principals ?? [kind]).includes(kind) &&
    (rule.groups === undefined || rule.groups.some((group) => groups.includes(group)))
  const scopes = SCOPES.filter((scope) => widest.every(({ kept }) => kept.includes(scope)))
  return isMet ? { as: shown as KeyName, scopes } : undefined
}

function isLive({ state, networks }: Key, { owner }: Scene, from: string): boolean {
  const isBelieved = state === 'live' && owner.state === 'enabled' && owner.swept === 'nothing'
  return isBelieved && (networks === undefined || from.startsWith('10.'))
}

/** Whether the owner is in the group, and the group gives. */
function hasTeam({ owner, group }: Scene): boolean {
  return owner.member && group === 'enabled'
}

function covers(pattern: string, scope: string): boolean {
  return new RegExp(`^${pattern.replace('*', '[a-z]+')}$`).test(scope)
}

/** Which one credential counts; `none`, or `refused` for whatever makes the request one of a bad caller. */
function shownTo(service: Scene['services'][number], { placements }: Asked): Shown | 'none' | 'refused' {
  const places = service.credential_header === null ? ['bearer', 'basic', 'scheme', 'api_key'] : ['own']
  const counted = placements.filter(({ at }) => places.includes(at))
  // A field that comes twice is refused; schemes of others may come in lists.
  const twice = (field: string[]) => counted.filter(({ at }) => field.includes(at)).length > 1
  if (twice(['bearer', 'basic', 'scheme']) && counted.some(({ at }) => at === 'bearer' || at === 'basic'))
    return 'refused'
  if (twice(['api_key']) || twice(['own'])) return 'refused'
  const isForeign = ({ at, shown }: Asked['placements'][number]) => at === 'scheme' || shown === 'foreign'
  if (counted.some(({ at, shown }) => shown === 'malformed' && at !== 'scheme')) return 'refused'
  const ours = counted.filter((one) => !isForeign(one))
  if (counted.length > ours.length && service.foreign_credentials === 'reject') return 'refused'
  if (ours.length > 1) return 'refused'
  return ours[0]?.shown ?? 'none'
}

function plainHost(host: string): string | undefined {
  const plain = host.toLowerCase().replace(/:443$/, '').replace(/\.$/, '')
  return /^[a-z0-9.]+(:[0-9]+)?$/.test(plain) ? plain : undefined
}

function segmentsOf(uri: string): string[] | undefined {
  if (/[^!-~]|#/.test(uri)) return undefined
  const path = uri.replace(/\?.*/, '')
  if (/\\|%5c|%[01]|%7f|%(?![0-9a-f]{2})/i.test(path)) return undefined
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent)
    if (segments.some((segment) => /(^|\/)\.\.?(;|\/|$)/.test(segment))) return undefined
    return segments.at(-1) === '' ? segments.slice(0, -1) : segments
  } catch {
    return undefined
  }
}

function patternOf(path: string): RegExp {
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => {
      if (step === '**') return '(?:\\n[^]*)?'
      if (step === '*') return '\\n[^/\\n]+'
      const [, most, suffix = ''] = /^:project(?:\{1,(\d)\})?(.*)$/.exec(step) ?? []
      if (!step.startsWith(':')) return `\\n${step}`
      return `\\n([^/\\n]+(?:\\n[^/\\n]+){0,${Number(most ?? 1) - 1}}?)${suffix.replace('.', '\\.')}`
    })
  return new RegExp(`^${steps.join('')}$`)
}
