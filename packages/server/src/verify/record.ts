import type { DecisionRecord } from '@countersign/admin-api'
import type { RefusalDetail } from '@countersign/resource-server'
import { hideCredentials } from '../domain/hide-credentials.ts'
import { statusIn } from './answer.ts'
import { type Decision, isAllowed } from './decision.ts'
import { subjectOf } from './identity.ts'
import { sentenceOf } from './sentences.ts'

const MAX_TEXT_CHARACTERS = 256

/**
 * What is kept of a decision, and shown by `why` and `explain`.
 *
 * Security: no query, no header, no body, no credential; what a stranger wrote is cut short. With `foreignPrefixes`, no
 * credential that begins like one of these either, wherever it stands.
 */
export function recordOf(decision: Decision, foreignPrefixes: readonly string[] = []): DecisionRecord {
  const fit = (text: string | undefined) => fitForRecord(text, foreignPrefixes)
  const { asked, resource, matched, caller, verdict } = decision
  const stored = caller?.known.stored
  const read = 'headers' in asked ? asked : undefined
  // What a reader understood of a request that it refused stands in the detail.
  const detail = verdict.outcome === 'deny' ? fitForRecords(verdict.detail, fit) : {}
  return {
    at: asked.now.toISOString(),
    outcome: verdict.outcome,
    code: verdict.outcome === 'deny' ? verdict.code : null,
    status: verdict.outcome === 'deny' ? statusIn(asked.dialect, verdict.code) : 200,
    step: decision.step ?? null,
    sentence: isAllowed(decision)
      ? `Allowed as ${subjectOf(decision.verdict.principal)}.`
      : sentenceOf(decision, detail),
    request: {
      dialect: asked.dialect,
      method: read?.method ?? textOrNull(detail.method),
      host: textOrNull(fit(read?.host) ?? detail.host),
      path: textOrNull(fit(read?.target.path) ?? detail.path),
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
    detail,
  }
}

const MAX_MEMBERS = 16

/** Cuts short what a stranger may have written, and hides what looks like a credential. */
function fitForRecords(detail: RefusalDetail, fit: (text: string) => string | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => {
      if (Array.isArray(value)) return [name, value.slice(0, MAX_MEMBERS).map((member) => fit(String(member)))]
      return [name, typeof value === 'string' ? fit(value) : value]
    }),
  )
}

/** People put keys into paths. A run of this many letters and digits is a secret more often than a name. */
function fitForRecord(text: string | undefined, foreignPrefixes: readonly string[]): string | undefined {
  if (text === undefined) return undefined
  const hidden = hideCredentials(text, foreignPrefixes).replace(/[0-9A-Za-z]{43,}/g, '…')
  return hidden.slice(0, MAX_TEXT_CHARACTERS)
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
