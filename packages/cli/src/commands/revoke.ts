import { CREDENTIAL_KINDS, type CredentialKind } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { parseBefore, UNITS } from '../duration.ts'
import { watchEverywhere } from '../everywhere.ts'
import { UsageError } from '../exit.ts'
import { examples, present } from '../options.ts'
import { revokeOfOwner, revokeOlder, revokeOne } from '../revocation.ts'
import { type OnlineSession, online, requirePublicId } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Options = {
  reason?: string
  family?: true
  client?: string
  user?: string
  all?: CredentialKind
  createdBefore?: string
  wait?: true
  yes?: true
}

const WHICH = 'a credential id, --client <id>, --user <username> or --all <kind>'

export function addRevoke(program: Command, terminal: Terminal): void {
  const revoke = program
    .command('revoke [credential-id]')
    .description(
      'revoke a key, token or secret, all of a client or user, or all that are old; refused from the next request on',
    )
    .option('--reason <text>', 'why, for whoever asks later')
    .option('--family', 'also its predecessors and successors by rotation')
    .option('--client <id>', 'all credentials of this client')
    .option('--user <username>', 'all credentials of this user')
    .addOption(
      new Option('--all <kind>', 'all of this kind, whoever owns them; with --created-before').choices(
        CREDENTIAL_KINDS,
      ),
    )
    .option('--created-before <when>', `only what was made before: an age like 90d (${UNITS}), or a time`)
    .option('--wait', 'return when every server on the database refuses it, a few seconds at most')
    .option('--yes', 'do not ask before revoking --all')
    .action((id: string | undefined, options: Options, command: Command) => {
      const { client, user, all, createdBefore, reason, family } = options
      const named = [id, client, user, all].filter((one) => one !== undefined).length
      if (named !== 1) throw new UsageError(`Expected ${WHICH}${named === 0 ? '' : ': one of them, not both'}.`)
      if (family && id === undefined) throw new UsageError('--family goes with a credential id alone.')
      if (createdBefore !== undefined && id !== undefined) {
        throw new UsageError('--created-before goes with --client, --user or --all, not with a credential id.')
      }
      const before = createdBefore && parseBefore('--created-before', createdBefore, terminal.now())
      if (all !== undefined && !before) throw new UsageError('--all goes with --created-before <when>.')
      const one = id === undefined ? undefined : requirePublicId(id)
      const revoke = (session: OnlineSession) => {
        if (one !== undefined) return revokeOne(session, one, present({ reason, family }))
        if (all !== undefined && before) {
          return revokeOlder(session, { kind: all, created_before: before, ...present({ reason }) }, options)
        }
        const owner = client === undefined ? { user: user ?? '' } : { client }
        return revokeOfOwner(session, owner, present({ reason, created_before: before }))
      }
      return online(terminal, command, async (session) => {
        const everywhere = options.wait ? await watchEverywhere(session) : undefined
        await revoke(session)
        await everywhere?.()
      })
    })
  examples(revoke, [
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --reason leaked',
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --wait',
    'countersign revoke pat_01JABCDEFGHJKMNPQRSTVWXYZ0 --family',
    'countersign revoke at_01JABCDEFGHJKMNPQRSTVWXYZ0',
    'countersign revoke --client canister --reason "host was lost"',
    'countersign revoke --user alice --created-before 2030-01-31T12:00:00Z',
    'countersign revoke --all pat --created-before 366d --yes',
  ])
}
