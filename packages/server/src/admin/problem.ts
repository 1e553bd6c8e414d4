import {
  type FieldProblem,
  fieldProblems,
  PROBLEMS,
  type Problem,
  type ProblemCode,
  problemType,
} from '@countersign/admin-api'
import {
  challengeFor,
  DECISION_HEADER,
  MANAGEMENT_RESOURCE,
  REFUSALS,
  type Refusal,
  type RefusalCode,
} from '@countersign/resource-server'
import { isOutage } from '../store/outage.ts'
import type { NoteRefusal } from './deps.ts'

/**
 * An expected "no": thrown, so that the transaction it is thrown in rolls back.
 *
 * Its texts are sent to the caller: never a credential, not even a fragment of one.
 */
export class Rejected extends Error {
  override readonly name = 'Rejected'

  constructor(
    readonly code: ProblemCode | RefusalCode,
    readonly detail: string,
    readonly problems?: readonly FieldProblem[],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail)
  }
}

/** The body is well formed, but this field cannot stand. */
export function rejectedField(path: string, message: string): Rejected {
  return rejectedFields([{ path, message }])
}

export function rejectedFields(problems: readonly FieldProblem[]): Rejected {
  return new Rejected('invalid_body', problems.map(({ path, message }) => `${path}: ${message}.`).join(' '), problems)
}

/** Problems of others are put into sentences where they are told. */
export function unended(message: string): string {
  return message.replace(/\.$/, '')
}

/** Makes each of them; when some find mistakes in the body, those of all are told at once. */
export async function allOf<const Parts extends readonly (() => unknown)[]>(parts: Parts) {
  const mistakes: FieldProblem[] = []
  const made: unknown[] = []
  for (const part of parts) {
    try {
      made.push(await part())
    } catch (error) {
      mistakes.push(...mistakesIn(error))
    }
  }
  if (mistakes.length > 0) throw rejectedFields(mistakes)
  return made as { -readonly [Index in keyof Parts]: Awaited<ReturnType<Parts[Index]>> }
}

/** What is wrong with a body, as a value; whatever else was thrown is thrown on. */
export function mistakesIn(error: unknown): readonly FieldProblem[] {
  if (error instanceof Rejected && error.code === 'invalid_body' && error.problems !== undefined) return error.problems
  throw error
}

const NO_CREDENTIAL = 'There is no credential of this id. GET /api/v1/credentials lists those there are.'
/** Of what no record is kept, by how its id begins. */
const UNKEPT: Readonly<Record<string, string>> = {
  at:
    'No record is kept of an access token that is a JWT, nor of one that has expired. By its id it can be revoked for ' +
    'a day after it was issued.',
  jwk: 'No record is kept of a key that a client has itself; those that it registered stand in its jwks.',
}

/** The id is not said: it may be a credential that was taken for one. */
export function noCredential(id = ''): Rejected {
  return new Rejected('not_found', UNKEPT[id.slice(0, id.indexOf('_'))] ?? NO_CREDENTIAL)
}

/** What was sent does not have the form that the wire asks for: every mistake, each at its field. */
export function unacceptable(target: string, error: Parameters<typeof fieldProblems>[0]): Rejected {
  const problems = fieldProblems(error)
  const detail = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  return new Rejected(target === 'query' ? 'invalid_query' : 'invalid_body', `${detail}.`, problems)
}

/**
 * The one writer of error answers.
 *
 * What nobody expected is told to `onError` and answered without detail: 503 when the store cannot be asked, else 500.
 */
export function problemResponse(
  error: unknown,
  onError: (error: unknown) => void,
  noteRefusal: NoteRefusal | undefined,
): Response {
  if (error instanceof Rejected) return write(error.code, error, noteRefusal)
  onError(error)
  return write(isOutage(error) ? 'store_unavailable' : 'internal_error')
}

function write(code: ProblemCode | RefusalCode, said?: Rejected, noteRefusal?: NoteRefusal): Response {
  const { status, title, wire } = outcomeOf(code)
  // Bad credentials share one code and say no more, so that they read alike.
  const isBadCredential = wire === 'invalid_token'
  const publicCode = isBadCredential ? wire : code
  const problem: Problem = { type: problemType(publicCode), title, status, code: publicCode }
  if (said !== undefined && !isBadCredential) problem.detail = said.detail
  if (said?.problems !== undefined) problem.problems = [...said.problems]
  const headers = new Headers(said?.headers)
  headers.set('Content-Type', 'application/problem+json')
  headers.set('Cache-Control', 'no-store')
  if (isRefusal(code) && wire !== null) {
    const challenge = challengeFor(REFUSALS[code], { realm: MANAGEMENT_RESOURCE, offerBasic: false })
    headers.set('WWW-Authenticate', challenge)
  }
  if (isRefusal(code) && said !== undefined && noteRefusal !== undefined) {
    headers.set(DECISION_HEADER, noteRefusal(code, said.detail))
  }
  return new Response(JSON.stringify(problem), { status, headers })
}

type Outcome = { readonly status: number; readonly title: string; readonly wire: Refusal['wire'] }

function outcomeOf(code: ProblemCode | RefusalCode): Outcome {
  if (!isRefusal(code)) return { ...PROBLEMS[code], wire: null }
  const { status, description, wire } = REFUSALS[code]
  return { status, title: description, wire }
}

function isRefusal(code: ProblemCode | RefusalCode): code is RefusalCode {
  return Object.hasOwn(REFUSALS, code)
}
