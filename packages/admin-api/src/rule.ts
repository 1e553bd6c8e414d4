import { z } from 'zod'
import { body } from './body.ts'
import { principalKind } from './kinds.ts'
import { groupName, role, scope } from './names.ts'
import { networks } from './network.ts'

const METHOD = /^(?!(?:TRACE|CONNECT)$)(?=.{1,32}$)[A-Z]+(-[A-Z]+)*$/

const atLeastOne = (what: string) => `expected at least one ${what}; leave the field out to ask for none`

/** What a rule asks of a request that matches it. Everything named must hold. */
export const Requirement = body({
  public: z
    .literal(true, 'expected true; leave the field out where a credential is needed')
    .optional()
    .meta({ description: 'Anyone may pass, without a credential. A bad credential is refused still.', example: true }),
  principals: z
    .array(principalKind())
    .min(1, atLeastOne('principal kind'))
    .optional()
    .meta({ description: 'Any of these kinds of principal. Omitted: every kind.', example: ['user'] }),
  scopes: z
    .array(scope())
    .min(1, atLeastOne('scope'))
    .optional()
    .meta({ description: 'All of these scopes.', example: ['files:read'] }),
  roles: z
    .array(role())
    .min(1, atLeastOne('role'))
    .optional()
    .meta({ description: 'Any of these roles.', example: ['editor'] }),
  groups: z
    .array(groupName())
    .min(1, atLeastOne('group'))
    .optional()
    .meta({ description: 'Any of these groups.', example: ['media'] }),
  project: z
    .literal('any', 'expected "any"; leave the field out to compare the captured :project')
    .optional()
    .meta({ description: 'Let credentials confined to projects pass where the path names none.', example: 'any' }),
  networks: networks()
    .optional()
    .meta({ description: 'The client address is in any of these networks (CIDR).', example: ['10.0.0.0/8'] }),
  listener: z
    .literal('internal', 'expected "internal"; leave the field out for any listener')
    .optional()
    .meta({ description: 'Only on the internal listener.', example: 'internal' }),
}).superRefine((value, context) => {
  if (value.public === undefined) return
  for (const field of ['principals', 'scopes', 'roles', 'groups', 'project'] as const) {
    if (value[field] === undefined) continue
    context.addIssue({ code: 'custom', path: [field], message: 'expected only networks or listener beside public' })
  }
})
export type Requirement = z.infer<typeof Requirement>

const strings = () => z.array(z.string()).optional()

/** A rule as it is answered: one that a newer server made may ask for more than is known here. */
export const AnsweredRule = z.object({
  methods: strings().meta({ description: 'The methods. Omitted: every method.', example: ['GET', 'HEAD'] }),
  path: z.string().meta({ description: 'The path.', example: '/**' }),
  require: z
    .object({
      public: z.boolean().optional().meta({ description: 'Anyone may pass.', example: true }),
      principals: strings().meta({ description: 'Any of these kinds of principal.', example: ['user'] }),
      scopes: strings().meta({ description: 'All of these scopes.', example: ['files:read'] }),
      roles: strings().meta({ description: 'Any of these roles.', example: ['editor'] }),
      groups: strings().meta({ description: 'Any of these groups.', example: ['media'] }),
      project: z
        .string()
        .optional()
        .meta({ description: 'Credentials confined to projects may pass.', example: 'any' }),
      networks: strings().meta({ description: 'Only from these networks (CIDR).', example: ['10.0.0.0/8'] }),
      listener: z.string().optional().meta({ description: 'Only on this listener.', example: 'internal' }),
    })
    .optional()
    .meta({ description: 'What is asked beyond a permission on the resource.' }),
})
export type AnsweredRule = z.infer<typeof AnsweredRule>

/** One access rule: which requests it is about, and what it asks of them. */
export const Rule = body({
  methods: z
    .array(z.string().regex(METHOD, 'expected a method in capitals, like "GET", but neither TRACE nor CONNECT'))
    .min(1, 'expected at least one method; leave the field out for every method')
    .optional()
    .meta({ description: 'The methods. Omitted: every method.', example: ['GET', 'HEAD', 'PROPFIND'] }),
  path: z
    .string()
    .superRefine(checkPath)
    .meta({
      description:
        'Segments: `*` is one, `:name` one that is captured, `**` zero or more (last only); a capture may have a ' +
        'literal suffix and a span of segments: `/:project{1,4}.git/**`.',
      example: '/**',
    }),
  require: Requirement.optional().meta({
    description: 'What is asked beyond a permission on the resource. Omitted: nothing more.',
    example: { scopes: ['files:read'] },
  }),
})
export type Rule = z.infer<typeof Rule>

/** The coarse shape of a rule path; the server compiles it and may refuse more. */
function checkPath(path: string, context: z.RefinementCtx): void {
  const message = pathMistake(path)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
}

function pathMistake(path: string): string | undefined {
  if (!path.startsWith('/') || path.length > 1024) return 'expected a path of at most 1024 characters, like "/files/**"'
  if (/[\p{Cc}\\?#]/u.test(path))
    return 'expected a path alone, without backslash, query, fragment or control characters'
  const segments = path.slice(1).split('/')
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'expected a path without . and ..'
  const deep = segments.findIndex((segment) => segment.includes('**'))
  if (deep >= 0 && (segments[deep] !== '**' || deep !== segments.length - 1)) {
    return 'expected ** only as the last segment, alone, like "/files/**"'
  }
  if (segments.some((segment) => segment.includes('*') && segment !== '*' && segment !== '**')) {
    return 'expected * as a whole segment, like "/files/*"'
  }
  return undefined
}
