import { type AccessToken, tokenSource } from '@countersign/client'
import type { Command } from 'commander'
import { type AuthenticationOptions, findAuthentication } from '../client-authentication.ts'
import { UsageError } from '../exit.ts'
import { fetchDirectly } from '../fetch-directly.ts'
import { requireWritten } from '../issued.ts'
import { momentOr } from '../moment.ts'
import { collect, examples, present } from '../options.ts'
import { asStranger, type GlobalOptions, type OnlineSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Options = AuthenticationOptions & { resource?: string; scope?: string[]; tokenEndpoint?: string }

const SECRET_HELP = `The secret, if none of the three files is named: COUNTERSIGN_CLIENT_SECRET, else it is asked for. It is never an argument.
--server is the issuer: the server's public URL, which its metadata name. Where the server listens elsewhere for this
network, name its token endpoint too. The option --key-file (an API key) means nothing here.`

export function addToken(program: Command, terminal: Terminal): void {
  const token = program
    .command('token')
    .description('get an access token as a client; stdout gets the token alone')
    .requiredOption('--client <id>', 'which client it is for')
    .option('--secret-file <path>', 'the file that holds its secret, - for stdin')
    .option('--private-key-file <path>', 'or its private key, as PEM or JWK, to sign with (private_key_jwt)')
    .option(
      '--key-id <kid>',
      'under which the key is registered (default: the kid of the JWK; of PEM none, which will do for the only key)',
    )
    .option(
      '--token-file <path>',
      'or a token of its platform, such as a projected one of Kubernetes, that a trust rule takes for this client',
    )
    .option('--resource <uri>', 'the identifier of the resource to call (default: as the server is set)')
    .option('--scope <scope>', 'only this scope (repeatable; default: all of the client’s)', collect)
    .option('--token-endpoint <url>', 'where tokens are got (default: where the server’s metadata say)')
    .action(async (options: Options, command: Command) => {
      if (command.optsWithGlobals<GlobalOptions>().keyFile !== undefined) {
        throw new UsageError('--key-file is for the API key of other commands. Expected --private-key-file.')
      }
      const authentication = await findAuthentication(terminal, options)
      await asStranger(terminal, command, async (session) => {
        const { client: clientId, resource, scope: scopes, tokenEndpoint } = options
        const source = { clientId, authentication, resource, scopes, tokenEndpoint, now: terminal.now }
        printToken(session, await tokenOf({ issuer: session.server, ...source }))
        await requireWritten(terminal, 'access token')
      })
    })
  token.addHelpText('after', `\n${SECRET_HELP}`)
  examples(token, [
    'countersign token --client billing --secret-file billing.secret --resource https://usage.example.com',
    'countersign token --client billing --private-key-file billing.key --key-id billing-1 --scope account:usage:read',
    'countersign token --client atlas --token-file /var/run/secrets/tokens/countersign',
    'COUNTERSIGN_CLIENT_SECRET=$(pass show billing) countersign token --client billing --json',
  ])
}

/** What the library finds wrong with what it was given, in the words of this command line. */
const OPTION_OF: Record<string, string> = {
  issuer: '--server or COUNTERSIGN_SERVER',
  tokenEndpoint: '--token-endpoint',
  scopes: '--scope',
  key: '--private-key-file',
}

async function tokenOf(options: Parameters<typeof tokenSource>[0]): Promise<AccessToken> {
  try {
    return await tokenSource({ ...options, fetch: fetchDirectly }).token()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.replace(/^\w+/, (name) => OPTION_OF[name] ?? name))
  }
}

function printToken(
  { terminal, print, hint }: OnlineSession,
  { token, expiresAt, scopes, resource }: AccessToken,
): void {
  const now = terminal.now()
  const scope = scopes?.join(' ')
  const expires_at = expiresAt?.toISOString() ?? null
  const expires_in = expiresAt === null ? undefined : Math.floor((expiresAt.getTime() - now.getTime()) / 1000)
  const at = resource ?? 'the default resource'
  hint(`Access token for ${at}: ${scope || 'no scopes'}; expires: ${momentOr('never', expires_at, now)}.`)
  // The members of RFC 6749 §5.1, and what else is known.
  const answer = { access_token: token, token_type: 'Bearer', ...present({ expires_in, scope, resource }), expires_at }
  print(answer, () => `${token}\n`)
}
