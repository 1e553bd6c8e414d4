import type { Command } from 'commander'
import { credentialColumns, credentialDetails } from '../credential-text.ts'
import { printIssued, printRotated, type RotateOptions, rotateOptions, rotation } from '../issued.ts'
import { type NewCredentialOptions, newCredential, newCredentialOptions } from '../new-credential.ts'
import { examples, type PageOptions, pageOptions } from '../options.ts'
import { asked } from '../pages.ts'
import { type OnlineSession, online, printPage, requirePublicId } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { type TokenCalls, tokenCalls } from '../token-calls.ts'

type OfUser = { readonly user?: string }

const REACH_HELP = `A token may do what its user may at the time, narrowed by what is named here. One that names no resource
reaches all of its user's, but not this API: for the commands of this program, --resource countersign.
A token makes no further ones, unless the server says so: COUNTERSIGN_PAT_BY_PAT=allow. Somebody with the right to then
makes them: --user.`

export function addPatCommands(program: Command, terminal: Terminal): void {
  const pat = program
    .command('pat')
    .description('personal access tokens: a script acts as its user, and may do no more')
  examples(pat, [
    'countersign pat create --name ci --resource forge --scope repo:read --expires 30d',
    'countersign pat list --user alice',
    'countersign revoke pat_01JABCDEFGHJKMNPQRSTVWXYZ0',
    'countersign revoke --user alice',
  ])

  const create = newCredentialOptions(pat.command('create'), 'user', 'as the server is set, 90 days at first')
    .description('make a token; stdout gets the token alone, this once')
    .option('--user <username>', 'for this user (default: the user whose key this is)')
    .action((options: NewCredentialOptions & OfUser, command: Command) =>
      online(terminal, command, async (session) => {
        const { tokens, myTokens } = session.api
        const { user } = options
        const body = newCredential(options)
        await printIssued(session, await (user === undefined ? myTokens.create(body) : tokens.create(user, body)))
      }),
    )
  create.addHelpText('after', `\n${REACH_HELP}`)
  examples(create, [
    'countersign pat create --name laptop > laptop.token',
    'countersign pat create --name ci --resource forge --scope repo:read --project team/app --expires 30d',
    'countersign pat create --user alice --name first --resource countersign',
  ])

  const list = pat
    .command('list')
    .description('list tokens, whatever their state: your own, or everybody’s if you may read those')
    .option('--user <username>', 'those of this user')
    .action((options: PageOptions & OfUser, command: Command) =>
      online(terminal, command, async (session) => {
        const { user } = options
        const calls = user === undefined ? await tokenCalls(session, 'credentials:read') : tokensOf(session, user)
        const page = await asked(session, options, calls.list)
        const whose = calls.own ? '' : ` --user ${user ?? '<username>'}`
        const empty = `No tokens yet. Make one: countersign pat create${whose}`
        printPage(session, command, page, credentialColumns(terminal.now()), empty)
      }),
    )
  examples(pageOptions(list), [
    'countersign pat list',
    'countersign pat list --user alice --json',
    'countersign credentials list --kind pat --owner user:alice --state live',
  ])

  const show = pat
    .command('show <token-id>')
    .description('show a token: what it is narrowed to, its state, when it was used; never the token itself')
    .action((id: string, _options: object, command: Command) => {
      const one = requirePublicId(id)
      return online(terminal, command, async (session) => {
        const calls = await tokenCalls(session, 'credentials:read')
        const found = await calls.get(one)
        session.print(found, () => credentialDetails(terminal, found))
      })
    })
  examples(show, ['countersign pat show pat_01JABCDEFGHJKMNPQRSTVWXYZ0'])

  const rotate = rotateOptions(pat.command('rotate <token-id>'))
    .description('replace a token by a new one with the same rights; both work for a while')
    .action((id: string, options: RotateOptions, command: Command) => {
      const one = requirePublicId(id)
      const body = rotation(options)
      return online(terminal, command, async (session) => {
        const calls = await tokenCalls(session, 'credentials:write')
        await printRotated(session, await calls.rotate(one, body))
      })
    })
  examples(rotate, [
    'countersign pat rotate pat_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 24h',
    'countersign pat rotate pat_01JABCDEFGHJKMNPQRSTVWXYZ0 --overlap 0s > ci.token',
  ])
}

function tokensOf({ api }: OnlineSession, user: string): Pick<TokenCalls, 'list' | 'own'> {
  return { list: (query) => api.tokens.list(user, query), own: false }
}
