import { AUDIT_NOUNS, type AuditNoun } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { AUDIT_COLUMNS, auditEventDetails } from '../audit-text.ts'
import { parseBefore, UNITS } from '../duration.ts'
import { UsageError } from '../exit.ts'
import { type FollowOptions, follow, followOption } from '../follow.ts'
import { examples, pageOptions, present } from '../options.ts'
import { filled } from '../pages.ts'
import { online, printPage, requirePublicId } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type AuditOptions = FollowOptions & {
  readonly about?: string
  readonly noun?: AuditNoun
  readonly id?: string
  readonly actor?: string
  readonly credential?: string
  readonly action?: string
  readonly since?: string
  readonly until?: string
}

export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program
    .command('audit [event-id]')
    .description('who changed what, with which credential, newest first; or one change in full')
    .option(
      '--about <who>',
      'only of this client, user or group: itself, its credentials, what it holds; like client:canister',
    )
    .addOption(new Option('--noun <noun>', 'only changes of these').choices(AUDIT_NOUNS))
    .option('--id <id>', 'only changes of this one (beside --noun)')
    .option('--actor <who>', 'only what this one did, like user:alice')
    .option('--credential <id>', 'only what was done with this credential')
    .option('--action <action>', 'only this action, like client.change')
    .option('--since <age>', `only from then on: an age like 24h (${UNITS}), or a time like 2030-01-31T12:00:00Z`)
    .option('--until <age>', 'only before then')
    .action((id: string | undefined, options: AuditOptions, command: Command) =>
      online(terminal, command, async (session) => {
        if (id !== undefined) {
          const event = await session.api.auditEvents.get(id)
          return session.print(event, () => auditEventDetails(terminal, event))
        }
        const query = auditQuery(options, terminal.now())
        if (options.follow) {
          const { since, ...rest } = query
          const list = (part: object) => session.api.auditEvents.list({ ...rest, ...part })
          return follow(session, options, { list, since, shape: AUDIT_COLUMNS })
        }
        const page = await filled(session, options, (part) => session.api.auditEvents.list({ ...part, ...query }))
        printPage(session, command, page, AUDIT_COLUMNS, 'Nothing was changed that fits. Events are kept for ever.')
      }),
    )
  examples(followOption(pageOptions(audit)), [
    'countersign audit --about client:canister --since 24h',
    'countersign audit --noun client --id canister --json',
    'countersign audit --action credential.create --follow',
    'countersign audit --credential key_01JABCDEFGHJKMNPQRSTVWXYZ0 --all',
    'countersign audit --action credential.revoke --since 2030-01-31T12:00:00Z',
  ])
}

function auditQuery(options: AuditOptions, now: Date) {
  const { about, noun, id, actor, credential, action, since, until } = options
  if (id !== undefined && noun === undefined) throw new UsageError('--id goes with --noun: --noun client --id canister')
  return present({
    ...{ about, noun, noun_id: id, actor, action },
    credential: credential === undefined || credential === 'bootstrap' ? credential : requirePublicId(credential),
    since: since === undefined ? undefined : parseBefore('--since', since, now),
    until: until === undefined ? undefined : parseBefore('--until', until, now),
  })
}
