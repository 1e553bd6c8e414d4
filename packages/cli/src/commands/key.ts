import type { Command } from 'commander'
import { credentialColumns, credentialDetails } from '../credential-text.ts'
import { addGenerate } from '../generated.ts'
import { printIssued, printRotated, type RotateOptions, rotateOptions, rotation } from '../issued.ts'
import { type NewCredentialOptions, newCredential, newCredentialOptions } from '../new-credential.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { online, printPage, requirePublicId } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export function addKeyCommands(program: Command, terminal: Terminal): void {
  const key = program.command('key').description('API keys of clients')
  examples(key, [
    'countersign key create canister --expires 30d',
    'countersign key list canister',
    'countersign revoke key_01JABCDEFGHJKMNPQRSTVWXYZ0',
  ])

  const create = newCredentialOptions(key.command('create <client>'), 'client', 'never')
    .description('make an API key; stdout gets the key alone, this once')
    .action((client: string, options: NewCredentialOptions, command: Command) =>
      online(terminal, command, async (session) => {
        await printIssued(session, await session.api.keys.create(client, newCredential(options)))
      }),
    )
  examples(create, [
    'countersign key create canister --name laptop',
    'countersign key create canister --resource webdav --scope files:read --expires 30d',
    'countersign key create canister > canister.key',
  ])

  addGenerate(key, terminal, 'key')

  const list = key
    .command('list [client]')
    .description('list keys, whatever their state')
    .action((client: string | undefined, options: PageOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const { keys, credentials } = session.api
        const page = await asked(session, options, (part) =>
          client === undefined ? credentials.list({ kind: 'key', ...part }) : keys.list(client, part),
        )
        const empty = `No keys yet. Make one: countersign key create ${client ?? '<client>'}`
        printPage(session, command, page, credentialColumns(terminal.now()), empty)
      }),
    )
  examples(pageOptions(list), ['countersign key list', 'countersign key list canister --json'])

  const show = key
    .command('show <key-id>')
    .description('show a key: what it is narrowed to, its state, when it was used; never the key itself')
    .action((id: string, _options: object, command: Command) =>
      online(terminal, command, async ({ api, print }) => {
        const found = await api.credentials.get(requirePublicId(id))
        print(found, () => credentialDetails(terminal, found))
      }),
    )
  examples(show, ['countersign key show key_01JABCDEFGHJKMNPQRSTVWXYZ0'])

  const rotate = rotateOptions(key.command('rotate <key-id>'))
    .description('replace a key by a new one with the same rights; both work for a while')
    .action((id: string, options: RotateOptions, command: Command) =>
      online(terminal, command, async (session) => {
        const body = rotation(options)
        await printRotated(session, await session.api.credentials.rotate(requirePublicId(id), body))
      }),
    )
  examples(rotate, [
    'countersign key rotate key_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 24h',
    'countersign key rotate key_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 0s > canister.key',
  ])
}
