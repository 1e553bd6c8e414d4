import type { ProtectAllowed } from './protect-answer.ts'
import { refusalResponse } from './refusal-response.ts'
import { type Denied, deny } from './refusals.ts'

/** Thrown by `requireProject`: the caller is confined to other projects. `response` is the answer for it. */
export class ProjectRefused extends Error {
  readonly denied: Denied
  readonly response: Response

  constructor(denied: Denied, realm: string) {
    super('The caller is confined to other projects.')
    this.name = 'ProjectRefused'
    this.denied = denied
    this.response = refusalResponse(denied, realm)
  }
}

/**
 * Requires that the caller may be at `project`, in a handler that learns which one only after a look-up: where the path
 * names none, and the rule says `project: 'any'`.
 *
 * Throws `ProjectRefused` for a caller that is confined to others.
 *
 * @example
 * const answer = await guard(request)
 * if (answer.outcome !== 'allow') return answer.response
 * const invoice = await findInvoice(id)
 * requireProject(answer, invoice.project)
 */
export function requireProject(answer: Pick<ProtectAllowed, 'projects' | 'resource'>, project: string): void {
  const { projects, resource } = answer
  if (projects === null || projects.includes(project)) return
  throw new ProjectRefused(deny('project_not_granted', { project, confined_to: projects }), resource)
}
