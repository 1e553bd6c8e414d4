import type { AnsweredRule, Resource } from '@countersign/admin-api'
import { duration, moment } from './moment.ts'
import { pairText } from './pairs.ts'
import { ruleText } from './rule-word.ts'
import { scopeLines } from './scope-word.ts'
import { details, orNone } from './table.ts'
import type { Terminal } from './terminal.ts'

/** A resource as a person reads it; what is at its default and rarely matters is left out. */
export function resourceDetails(terminal: Terminal, resource: Resource): string {
  const { access_token: token } = resource
  const aliases = Object.entries(resource.headers).map(([alias, header]) => `${alias} = ${header}`)
  return details(terminal, [
    ['name', resource.name],
    ['state', resource.disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' }],
    ['identifier', resource.identifier],
    ['hosts', orNone(resource.hosts)],
    ['scopes', orNone(scopeLines(resource))],
    ['rules', resource.rules.length === 0 ? 'none: every request is refused' : resource.rules.map(ruleLine)],
    ['access tokens', `${token.format}, ${duration(token.ttl_seconds)}`],
    ['introspectors', orNone(resource.introspectors)],
    ['audience aliases', orNone(resource.audience_aliases.map((alias) => pairText(alias, 'audience')))],
    ['foreign credentials', resource.foreign_credentials],
    ['credential header', resource.credential_header ?? 'Authorization or X-Api-Key'],
    ['preflight', resource.preflight],
    ['groups shown', resource.groups],
    ...(aliases.length === 0 ? [] : [['headers', aliases] as const]),
    ['managed by', resource.managed_by ?? 'hand'],
    ['made', moment(resource.created_at, terminal.now())],
    ['revision', String(resource.revision)],
  ])
}

function ruleLine(rule: AnsweredRule, index: number): string {
  return `${index}  ${ruleSentence(rule)}`
}

/** What a rule is about and what it asks. */
export function ruleSentence(rule: AnsweredRule): string {
  return `${ruleText(rule)}  ${requirement(rule)}`
}

function requirement({ require = {} }: AnsweredRule): string {
  const asked = Object.entries(require).map(([field, value]) => {
    if (field === 'public') return 'public'
    return `${field} ${Array.isArray(value) ? value.join(', ') : String(value)}`
  })
  return asked.length === 0 ? 'any permission' : asked.join('; ')
}
