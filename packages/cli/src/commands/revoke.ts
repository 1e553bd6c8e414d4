import type { Credential } from '@countersign/admin-api'
import type { Command } from 'commander'
import { UsageError } from '../exit.ts'
import { momentOr } from '../moment.ts'
import { examples, present } from '../options.ts'
import { all, type OnlineSession, online, requirePublicId, unlessForbidden } from '../session.ts'
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
      if (id === undefined && client === undefined) throw new UsageError('Expected a credential id or --client <id>.')
      if (id !== undefined && client !== undefined) {
        throw new UsageError('A credential id and --client <id>: one of them, not both.')
      }
      if (client !== undefined && family) throw new UsageError('--family goes with a credential id, not with --client.')
      return online(terminal, command, async (session) => {
        const { api, print } = session
        if (client !== undefined) {
          const answer = await api.clients.revokeCredentials(client, present({ reason }))
          print(answer, () => `Revoked ${count(answer.revoked)} of client ${client}, from the next request on.\n`)
          return
        }
        const one = requirePublicId(id ?? '')
        const answer = await api.credentials.revoke(one, present({ reason, family }))
        const { credential, revoked } = answer
        const members = family && revoked > 0 && !session.json ? await familyOf(session, credential) : []
        const since = momentOr('before', credential.revoked_at, terminal.now())
        print(answer, () => {
          if (members.length > 1) return familyText(members)
          if (revoked > 0)
            return `Revoked ${revoked === 1 ? credential.id : count(revoked)}, from the next request on.\n`
          const state = hadExpired(credential) ? 'had expired before it was revoked' : 'was revoked already'
          return `${credential.id} ${state}: ${since}.\n`
        })
      })
    })
  examples(revoke, [
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --reason leaked',
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0 --family',
    'countersign revoke --client canister --reason "host was lost"',
  ])
}

/** A credential with its predecessors and successors by rotation; nothing if this key may not list them. */
async function familyOf({ api }: OnlineSession, { owner, kind, family }: Credential): Promise<readonly Credential[]> {
  const query = { owner: `${owner.kind}:${owner.id}`, kind }
  const owned = await unlessForbidden(all((page) => api.credentials.list({ ...query, ...page })))
  return owned?.filter((credential) => credential.family === family) ?? []
}

/** Each of a family with what became of it by the newest revocation. */
function familyText(members: readonly Credential[]): string {
  const newest = members
    .map(({ revoked_at }) => revoked_at ?? '')
    .toSorted()
    .at(-1)
  const lines = members.map((member) => {
    const before = hadExpired(member) ? 'had expired' : 'was revoked before'
    return `  ${member.id}  ${!hadExpired(member) && member.revoked_at === newest ? 'revoked' : before}\n`
  })
  return `Revoked with its family, from the next request on:\n${lines.join('')}`
}

function hadExpired({ expires_at, revoked_at }: Credential): boolean {
  return expires_at !== null && revoked_at !== null && new Date(expires_at) <= new Date(revoked_at)
}

function count(revoked: number): string {
  return revoked === 1 ? '1 credential' : `${revoked} credentials`
}
