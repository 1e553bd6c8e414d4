import type { Command } from 'commander'
import { UsageError } from '../exit.ts'
import { momentOr } from '../moment.ts'
import { examples, present } from '../options.ts'
import { online, requirePublicId } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Options = { reason?: string; family?: true; client?: string }

export function addRevoke(program: Command, terminal: Terminal): void {
  const revoke = program
    .command('revoke [credential-id]')
    .description('revoke a credential, or all of a client; refused from the next request on')
    .option('--reason <text>', 'why, for whoever asks later')
    .option('--family', 'also its predecessors and successors by rotation')
    .option('--client <id>', 'all credentials of this client')
    .action((id: string | undefined, { reason, family, client }: Options, command: Command) => {
      if ((id === undefined) === (client === undefined))
        throw new UsageError('Expected a credential id or --client <id>.')
      if (client !== undefined && family) throw new UsageError('--family goes with a credential id, not with --client.')
      return online(terminal, command, async ({ api, print }) => {
        if (client !== undefined) {
          const answer = await api.clients.revokeCredentials(client, present({ reason }))
          print(answer, () => `Revoked ${count(answer.revoked)} of client ${client}, from the next request on.\n`)
          return
        }
        const answer = await api.credentials.revoke(requirePublicId(id ?? ''), present({ reason, family }))
        const { credential, revoked } = answer
        const since = momentOr('before', credential.revoked_at, terminal.now())
        print(answer, () => {
          if (revoked === 0) return `${credential.id} was revoked already: ${since}.\n`
          return `Revoked ${revoked === 1 ? credential.id : count(revoked)}, from the next request on.\n`
        })
      })
    })
  examples(revoke, [
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --reason leaked',
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --family',
    'countersign revoke --client canister --reason "host was lost"',
  ])
}

function count(revoked: number): string {
  return revoked === 1 ? '1 credential' : `${revoked} credentials`
}
