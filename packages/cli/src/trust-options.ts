// What can be said of a trust rule on a command line.

import { TRUST_MODES, type TrustRule, TrustRuleChange } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { requireBody } from './body-file.ts'
import { requireDuration, UNITS } from './duration.ts'
import { UsageError } from './exit.ts'
import { listOr, pairsIn } from './listed.ts'
import { collect, present } from './options.ts'

export type TrustOptions = {
  issuer?: string
  sub?: string[]
  subPrefix?: string
  claim?: string[]
  claimExists?: string[]
  client?: string
  workload?: true
  workloadGroup?: string[]
  linkedUser?: true
  mode?: string
  expiresIn?: string
  resource?: string[]
  scope?: string[]
  project?: string[]
  description?: string
}

type Match = TrustRule['match']
type Scalar = string | number | boolean

export const TRUST_FLAGS =
  '--issuer, --sub, --sub-prefix, --claim, --claim-exists, --client, --workload, --workload-group, --linked-user, ' +
  '--mode, --expires-in, --resource, --scope, --project, --description'

export const TRUST_HELP = `What it asks is --sub, --sub-prefix, --claim and --claim-exists together: all of it has to fit. The same claim
named again: any of the values. Values are texts; --claim email_verified:=true is the boolean, --claim n:=1 the number.
A dotted path goes into objects. There are no patterns.
Whom the subject stands for is one of --client, --workload-group (or --workload for no group at all) and --linked-user.
What they may do is said by their permissions; --resource, --scope and --project only narrow that.`

/** Of what is a list, what is given replaces all of it. */
export function trustOptions(command: Command): Command {
  return command
    .option('--issuer <name>', 'the issuer whose subjects it is about')
    .option('--sub <sub>', 'the sub of its tokens, exactly (repeatable: any of them)', collect)
    .option('--sub-prefix <text>', 'or what the sub begins with')
    .option('--claim <name=value>', 'a claim, and what it has to be (repeatable)', collect)
    .option('--claim-exists <name>', 'a claim that has to be there, whatever it says (repeatable)', collect)
    .option('--client <id>', 'the subject stands for this client')
    .option('--workload-group <name>', 'or for itself, in this group (repeatable)', collect)
    .option('--workload', 'or for itself, in no group but those that its claims say')
    .option('--linked-user', 'or for the user who is linked to it: countersign user update <username> --link')
    .addOption(
      new Option(
        '--mode <mode>',
        'enforce (at first); shadow: trusts nobody, but refusals say where it would have; off',
      ).choices(TRUST_MODES),
    )
    .option('--expires-in <duration>', `from then on it trusts nobody (${UNITS}; never: no end)`)
    .option('--resource <name>', 'only at this resource (repeatable; any: not narrowed)', collect)
    .option('--scope <scope>', 'only this scope (repeatable; any: not narrowed)', collect)
    .option('--project <project>', 'only in this project of the one resource (repeatable; any: not narrowed)', collect)
    .option('--description <text>', 'what it is for; empty: nothing is said')
}

/** The fields that these options name; what is not acceptable is told before anything is sent. */
export function trustFields(options: TrustOptions, now: Date): TrustRuleChange {
  const { issuer, mode, expiresIn, description } = options
  const fields = {
    ...{ issuer, mode, match: matchSaid(options), as: targetSaid(options) },
    description: description === '' ? null : description,
    expires_at: expiresIn === undefined ? undefined : endOf(expiresIn, now),
    resources: listOr('--resource', options.resource, { any: null }),
    scopes: listOr('--scope', options.scope, { any: null }),
    projects: listOr('--project', options.project, { any: null }),
  }
  return requireBody(TrustRuleChange, present(fields))
}

/** As it is kept, to the second. */
function endOf(text: string, now: Date): string | null {
  if (text === 'never') return null
  const end = Math.floor(now.getTime() / 1000) + requireDuration('--expires-in', text)
  return new Date(end * 1000).toISOString()
}

function matchSaid({ sub = [], subPrefix, claim = [], claimExists = [] }: TrustOptions): Match | undefined {
  const values = new Map<string, Scalar[]>()
  const add = (name: string, value: Scalar) => values.set(name, [...(values.get(name) ?? []), value])
  for (const subject of sub) add('sub', subject)
  for (const [name, text] of pairsIn('--claim', claim, '<name>=<value>, like repository_id=456789')) {
    if (name.endsWith(':')) add(name.slice(0, -1), jsonScalar(text))
    else add(name, text)
  }
  const asked: [string, Match[string]][] = [
    ...[...values].map(([name, any]): [string, Match[string]] => [
      name,
      any.length === 1 ? (any[0] ?? '') : { in: any },
    ]),
    ...(subPrefix === undefined ? [] : [['sub', { prefix: subPrefix }] as [string, Match[string]]]),
    ...[...new Set(claimExists)].map((name): [string, Match[string]] => [name, { exists: true }]),
  ]
  const names = asked.map(([name]) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new UsageError(`Expected one thing of ${twice}: what it is, what it begins with, or that it is there.`)
  }
  return asked.length === 0 ? undefined : Object.fromEntries(asked)
}

function jsonScalar(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text)
  throw new UsageError('--claim: expected true, false or a number after :=')
}

function targetSaid({ client, workload, workloadGroup, linkedUser }: TrustOptions): TrustRule['as'] | undefined {
  const isWorkload = workload === true || workloadGroup !== undefined
  const said = [client !== undefined, isWorkload, linkedUser === true].filter(Boolean).length
  if (said > 1) throw new UsageError('Expected one of --client, --workload-group or --workload, and --linked-user.')
  if (client !== undefined) return { client }
  if (isWorkload) return { workload: { groups: workloadGroup ?? [] } }
  return linkedUser === true ? { user: 'linked' } : undefined
}
