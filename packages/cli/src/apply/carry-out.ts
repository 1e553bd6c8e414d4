import {
  type ApiClient,
  ApiError,
  type ImportedCredential,
  type LintedTrustRule,
  type NewClient,
  type NewGroup,
  type NewIssuer,
  type NewPermission,
  type NewResource,
  type NewTrustRule,
  type NewUser,
  type OwnPrefix,
} from '@countersign/admin-api'
import { warningText } from '../warnings.ts'
import { place } from './declared-file.ts'
import type { LineOf } from './line-of.ts'
import type { Passwords } from './passwords.ts'
import { stepTitle } from './print.ts'
import type { Create, Step } from './step.ts'

type Deps = {
  readonly api: ApiClient
  readonly passwords: Passwords
  readonly lineOf: LineOf
  /** Told of each step that is done, with what looks like a mistake in it. */
  readonly onDone: (step: Step, warnings: readonly string[]) => void
  /** No step is begun once it says so. */
  readonly stopped?: AbortSignal
}

/** Carries out one step after the other. The first that fails ends it; what was done stays, and another run goes on. */
export async function carryOut(
  steps: readonly Step[],
  { api, passwords, lineOf, onDone, stopped }: Deps,
): Promise<void> {
  for (const step of steps) {
    if (stopped?.aborted) return
    try {
      onDone(step, warningsIn(await take(step, api, passwords)))
    } catch (error) {
      throw error instanceof ApiError ? atStep(error, step, lineOf) : error
    }
  }
}

function take(step: Step, api: ApiClient, passwords: Passwords): Promise<unknown> {
  if (step.action === 'create') return CREATE[step.noun](api, withPassword(step, passwords))
  if (step.action === 'change') return api[LIST_OF_NOUN[step.noun]].change(step.id, step.body)
  const { noun, id } = step
  if (noun === 'key' || noun === 'secret') return api.credentials.revoke(id, { reason: NO_LONGER_DECLARED })
  return unlessGone(api[LIST_OF_NOUN[noun]].delete(id))
}

const NO_LONGER_DECLARED = 'no longer declared'

function warningsIn(answer: unknown): readonly string[] {
  if (typeof answer !== 'object' || answer === null || !('warnings' in answer)) return []
  return (answer.warnings as (string | LintedTrustRule['warnings'][number])[]).map(warningText)
}

const LIST_OF_NOUN = {
  group: 'groups',
  issuer: 'issuers',
  resource: 'resources',
  client: 'clients',
  user: 'users',
  trust_rule: 'trustRules',
  permission: 'permissions',
} as const

/** The bodies are those of the file, whose schema is made of the schemas of these calls. */
const CREATE: { readonly [Noun in Step['noun']]: (api: ApiClient, body: unknown) => Promise<unknown> } = {
  group: (api, body) => api.groups.create(body as NewGroup),
  issuer: (api, body) => api.issuers.create(body as NewIssuer),
  resource: (api, body) => api.resources.create(body as NewResource),
  client: (api, body) => api.clients.create(body as NewClient),
  user: (api, body) => api.users.create(body as NewUser),
  trust_rule: (api, body) => api.trustRules.create(body as NewTrustRule),
  permission: (api, body) => api.permissions.create(body as NewPermission),
  key: (api, body) => importOne(api, 'cs_key_', body),
  secret: (api, body) => importOne(api, 'cs_secret_', body),
}

function importOne(api: ApiClient, prefix: OwnPrefix, body: unknown): Promise<unknown> {
  return api.credentials.import({ prefix, digest: 'sha256', credentials: [body as ImportedCredential] })
}

function withPassword({ noun, name, body }: Create, passwords: Passwords) {
  const password = noun === 'user' ? passwords.get(name) : undefined
  return password === undefined ? body : { ...body, password }
}

/** A permission goes along with its holder or resource. */
async function unlessGone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'not_found')) throw error
  }
}

/** What the server says of a body, said of the entry that it came from. */
function atStep(error: ApiError, step: Step, lineOf: LineOf): ApiError {
  const { status, code, detail, decisionId, problems } = error
  const where = step.action === 'delete' ? '' : `, ${place(step.way, lineOf)}`
  const title = `${stepTitle(step)}${where}: ${error.title}`
  return new ApiError(
    { status, code, title, problems: [...problems], ...(detail !== undefined && { detail }) },
    decisionId,
  )
}
