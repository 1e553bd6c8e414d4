import type { Command } from 'commander'
import { unusedSecret } from '../client-options.ts'
import { credentialColumns } from '../credential-text.ts'
import { addGenerate } from '../generated.ts'
import { printIssued, printRotated, type RotateOptions, rotateOptions, rotation } from '../issued.ts'
import { type NewCredentialOptions, newCredential, newCredentialOptions } from '../new-credential.ts'
import { examples, type PageOptions, pageOptions, present } from '../options.ts'
import { asked } from '../pages.ts'
import { revokeOne } from '../revocation.ts'
import { type OnlineSession, online, printPage, requirePublicId, unlessForbidden } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type RevokeOptions = { readonly reason?: string; readonly family?: true }

export function addSecretCommands(program: Command, terminal: Terminal): void {
  const secret = program.command('secret').description('client secrets, with which clients get access tokens')
  examples(secret, [
    'countersign secret create canister > canister.secret',
    'countersign secret list canister',
    'countersign secret rotate secret_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 24h > canister.secret',
  ])

  const create = newCredentialOptions(secret.command('create <client>'), 'client', 'never')
    .description('make a client secret; stdout gets the secret alone, this once')
    .action((client: string, options: NewCredentialOptions, command: Command) =>
      online(terminal, command, async (session) => {
        await printIssued(session, await session.api.secrets.create(client, newCredential(options)))
        await hintUse(session, client)
      }),
    )
  examples(create, [
    'countersign secret create canister > canister.secret',
    'countersign secret create canister --name "first of 2030" --resource webdav --scope files:read --expires 90d',
  ])

  addGenerate(secret, terminal, 'secret')

  const list = secret
    .command('list [client]')
    .description('list client secrets, whatever their state; never the secrets themselves')
    .action((client: string | undefined, options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const { secrets, credentials } = session.api
        const page = await asked(session, options, (part) =>
          client === undefined ? credentials.list({ kind: 'secret', ...part }) : secrets.list(client, part),
        )
        const empty = `No client secrets yet. Make one: countersign secret create ${client ?? '<client>'}`
        printPage(session, command, page, credentialColumns(terminal.now()), empty)
      }),
    )
  examples(pageOptions(list), ['countersign secret list', 'countersign secret list canister --json'])

  const rotate = rotateOptions(secret.command('rotate <secret-id>'))
    .description('replace a client secret by a new one with the same rights; both work for a while')
    .action((id: string, options: RotateOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const body = rotation(options)
        const rotated = await session.api.credentials.rotate(requirePublicId(id), body)
        await printRotated(session, rotated)
        await hintUse(session, rotated.owner.id)
      }),
    )
  examples(rotate, [
    'countersign secret rotate secret_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 24h',
    'countersign secret rotate secret_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 0s > canister.secret',
  ])

  const revoke = secret
    .command('revoke <secret-id>')
    .description('revoke a client secret and the tokens that were got with it; refused from the next request on')
    .option('--reason <text>', 'why, for whoever asks later')
    .option('--family', 'also its predecessors and successors by rotation')
    .action((id: string, { reason, family }: RevokeOptions, command: Command) =>
      online(terminal, command, (session) => revokeOne(session, requirePublicId(id), present({ reason, family }))),
    )
  examples(revoke, ['countersign secret revoke secret_01JABCDEFGHJKMNPQRSTVWXYZ0 --reason leaked'])
}

/** Security: the secret is in no command line: those are seen by every process on the machine and kept by the shell. */
async function hintUse({ api, json, server, hint }: OnlineSession, client: string): Promise<void> {
  if (json) return
  const found = await unlessForbidden(api.clients.get(client))
  const todo = found && unusedSecret(found)
  if (todo !== undefined) {
    hint(todo)
    return
  }
  hint(`Get a token with it: countersign token --client ${client} --secret-file <path>`)
  hint('Or with curl, which asks for the secret:')
  hint(`  curl --user ${client} --data grant_type=client_credentials ${server}/oauth/token`)
}
