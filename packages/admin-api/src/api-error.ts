import { type FieldProblem, Problem } from './problem.ts'

/** The server answered, and the answer is not a success. Never holds the credential the call was made with. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** Stable: a code of `PROBLEMS` or of the table of refusals; `unexpected_answer` for what is neither. */
  readonly code: string
  readonly title: string
  readonly detail: string | undefined
  readonly problems: readonly FieldProblem[]
  /** The record of the refusal, for `GET /decisions/{id}`; undefined where nothing was refused. */
  readonly decisionId: string | undefined

  constructor(problem: Omit<Problem, 'type'>, decisionId?: string) {
    super(problem.detail === undefined ? problem.title : `${problem.title} ${problem.detail}`)
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.detail = problem.detail
    this.problems = problem.problems ?? []
    this.decisionId = decisionId
  }
}

/** No answer came: nothing listens there, the name is unknown, or it took too long. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly url: string

  constructor(url: string, reason: string) {
    super(`Cannot reach ${url}: ${reason}. Check that the server runs and that this is its address.`)
    this.url = url
  }
}

const DECISION_ID = /^dec_[0-9A-Za-z]{1,64}$/

/** Reads an answer that is no success; one that is not ours (a proxy's page, say) is described by its status. */
export function toApiError(url: string, response: Response, text: string): ApiError {
  const decisionId = response.headers.get('Countersign-Decision') ?? undefined
  const known = decisionId !== undefined && DECISION_ID.test(decisionId) ? decisionId : undefined
  const problem = Problem.safeParse(parseJson(text))
  if (problem.success) return new ApiError({ ...problem.data, status: response.status }, known)
  return unexpectedAnswer(url, response.status, 'no problem details are in the answer', known)
}

/** The error for an answer that Countersign does not give: most often something else listens at the address. */
export function unexpectedAnswer(url: string, status: number, reason: string, decisionId?: string): ApiError {
  const detail = `${url} answered ${status}, but ${reason}. Check that this is the address of a Countersign server.`
  return new ApiError(
    { status, code: 'unexpected_answer', title: 'The answer is not one of Countersign.', detail },
    decisionId,
  )
}

/** The value of a JSON text, undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
