// What a credential to be made may be narrowed to. Each list is optional where it is used: left out, it narrows nothing.

import { z } from 'zod'
import { ownerText } from './kinds.ts'
import { name, project, scope } from './names.ts'
import { networks } from './network.ts'

const atLeastOne = (what: string) => `expected at least one ${what}; leave the field out for no narrowing`

export const RESOURCES = z
  .array(name())
  .min(1, atLeastOne('resource'))
  .max(100)
  .meta({
    description: 'Only at these resources. Omitted: all of its owner’s, but countersign.',
    example: ['webdav'],
  })

export const SCOPES = z
  .array(scope())
  .min(1, atLeastOne('scope'))
  .max(500)
  .meta({ description: 'Only these scopes. Omitted: all of its owner’s.', example: ['files:read'] })

export const PROJECTS = z
  .array(project())
  .min(1, atLeastOne('project'))
  .max(500)
  .meta({ description: 'Only in these projects of the one resource named.', example: ['team/app'] })

export const NETWORKS = networks().meta({ description: 'Only from these networks (CIDR).', example: ['10.0.0.0/8'] })

/** The issue for projects beside no resource or several. */
export function requireOneResource(
  value: { readonly projects?: readonly string[] | undefined; readonly resources?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  if (value.projects === undefined || value.resources?.length === 1) return
  const message = 'expected exactly one resource beside projects: a project is a boundary inside one resource'
  context.addIssue({ code: 'custom', path: ['resources'], message })
}

export const OWNER = ownerText().meta({ description: 'Whom it stands for.', example: 'user:alice' })
