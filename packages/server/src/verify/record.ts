import type { DecisionRecord } from '@countersign/admin-api'
import { statusIn } from './answer.ts'
import { type Decision, isAllowed } from './decision.ts'
import { subjectOf } from './identity.ts'
import { sentenceOf } from './sentences.ts'

const MAX_PATH_CHARACTERS = 256

/**
 * What is kept of a decision, and shown by `why` and `explain`.
 *
 * Security: no query, no header, no body, no credential; what a stranger wrote is cut short.
 */
export function recordOf(decision: Decision): DecisionRecord {
  const { asked, resource, matched, caller, verdict } = decision
  const stored = caller?.known.stored
  const read = 'headers' in asked ? asked : undefined
  // What a reader understood of a request that it refused stands in the detail.
  const told = verdict.outcome === 'deny' ? verdict.detail : {}
  const cut = (value: unknown) =>
    typeof value === 'string' ? withoutCredentials(value).slice(0, MAX_PATH_CHARACTERS) : null
  return {
    at: asked.now.toISOString(),
    outcome: verdict.outcome,
    code: verdict.outcome === 'deny' ? verdict.code : null,
    status: verdict.outcome === 'deny' ? statusIn(asked.dialect, verdict.code) : 200,
    step: decision.step ?? null,
    sentence: isAllowed(decision) ? `Allowed as ${subjectOf(decision.verdict.principal)}.` : sentenceOf(decision),
    request: {
      dialect: asked.dialect,
      method: read?.method ?? cut(told.method),
      host: cut(read?.host ?? told.host),
      path: cut(read?.target.path ?? told.path),
      client_address: 'peer' in asked ? asked.peer : (read?.clientAddressText() ?? null),
    },
    resource: resource?.name ?? null,
    rule:
      matched === undefined
        ? null
        : {
            index: matched.rule.index,
            methods: matched.rule.methods === undefined ? null : [...matched.rule.methods],
            path: resource?.definitions[matched.rule.index]?.path ?? '/**',
          },
    credential:
      stored === undefined
        ? null
        : { id: stored.id, kind: stored.kind, name: stored.name === '' ? null : stored.name, hint: stored.hint },
    principal: caller === undefined ? null : subjectOf(caller.principal),
    detail: verdict.outcome === 'deny' ? { ...verdict.detail } : {},
  }
}

/** A key that was pasted into a path does not belong into a record. */
function withoutCredentials(text: string): string {
  return text.replace(/cs_[a-z]+_[0-9A-Za-z]{8,}/g, 'cs_…')
}
