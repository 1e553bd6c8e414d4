import { type AccessRule, compileRulePath, NOTHING_ASKED } from '@countersign/resource-server'

export {
  compileRules,
  type RuleDefinition,
} from '@countersign/resource-server'

/**
 * The rule that a preflight is judged by where the resource lets preflights pass: public, at every path.
 * It stands in no list, hence its index.
 */
export const PREFLIGHT_RULE: AccessRule = {
  index: -1,
  methods: undefined,
  path: compiledPath('/**'),
  require: { ...NOTHING_ASKED, public: true, project: 'any' },
}

function compiledPath(text: string) {
  const path = compileRulePath(text)
  if ('problem' in path) throw new Error(path.problem)
  return path
}
