import { Command } from 'commander'
import { addApply } from './commands/apply.ts'
import { addAudit } from './commands/audit.ts'
import { addBackupCommands } from './commands/backup.ts'
import { addClientCommands } from './commands/client.ts'
import { addCompletion } from './commands/completion.ts'
import { addContextCommands } from './commands/context.ts'
import { addCredentialsCommands } from './commands/credentials.ts'
import { addDecisionCommands } from './commands/decision.ts'
import { addDoctor } from './commands/doctor.ts'
import { addExplain } from './commands/explain.ts'
import { addGroupCommands } from './commands/group.ts'
import { addHealth } from './commands/health.ts'
import { addIssuerCommands } from './commands/issuer.ts'
import { addKeyCommands } from './commands/key.ts'
import { addKeysCommands } from './commands/keys.ts'
import { addLeakCommands } from './commands/leak.ts'
import { addMe } from './commands/me.ts'
import { addNodes } from './commands/nodes.ts'
import { addPatCommands } from './commands/pat.ts'
import { addPermissionCommands } from './commands/permission.ts'
import { addResourceCommands } from './commands/resource.ts'
import { addRevoke } from './commands/revoke.ts'
import { addScannerRules } from './commands/scanner-rules.ts'
import { addSecretCommands } from './commands/secret.ts'
import { addServerCommands } from './commands/serve.ts'
import { addToken } from './commands/token.ts'
import { addTrustCommands } from './commands/trust.ts'
import { addUserCommands } from './commands/user.ts'
import { addVerify } from './commands/verify.ts'
import { addWhy } from './commands/why.ts'
import { DEFAULT_SERVER } from './connection.ts'
import { EXIT_HELP } from './exit.ts'
import { examples } from './options.ts'
import type { Terminal } from './terminal.ts'

const SERVER_COMMANDS = ['serve', 'migrate', 'admin-key', 'doctor', 'backup', 'restore', 'migrate-data']

const ENVIRONMENT_HELP = `Environment:
  COUNTERSIGN_SERVER         the server that is spoken to (default: where COUNTERSIGN_LISTEN says that one listens,
                             else ${DEFAULT_SERVER})
  COUNTERSIGN_KEY_FILE       the file that holds the API key or personal access token to speak with
  COUNTERSIGN_KEY            the key or token itself
  COUNTERSIGN_CONTEXT        the context to speak in, in place of the current one
  COUNTERSIGN_CLIENT_SECRET  the secret of the client that countersign token is for
  COUNTERSIGN_DATA_DIR       where the server keeps its data (default ./data); without any key given,
                             <data>/admin-key is used for a server on this machine
  COUNTERSIGN_CONFIG         the YAML file of the server; its listen and data_dir count where the variables are not set
  NO_COLOR                   no colours`

/** The whole command line. The server is loaded only for the commands that run it: it brings the database along. */
export async function makeProgram(terminal: Terminal, argv: readonly string[]): Promise<Command> {
  const program = new Command('countersign')
    .description('Machine-to-machine authentication: runs the server and speaks to it.')
    .option('--server <url>', 'the server to speak to')
    .option('--context <name>', 'the context to speak in: see countersign context')
    .option('--key-file <path>', 'the file that holds the API key or personal access token to speak with')
    .option('--json', 'print the answer of the API, for programs')
    .helpCommand('help [command]', 'show how a command is used')
    .showHelpAfterError('(add --help to see how it is used)')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => terminal.width ?? 100,
      getErrHelpWidth: () => terminal.width ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })

  const server = SERVER_COMMANDS.some((name) => argv.includes(name)) ? await terminal.loadServer() : undefined
  addServerCommands(program, terminal, server)
  addBackupCommands(program, terminal, server)
  addDoctor(program, terminal, server)
  addResourceCommands(program, terminal)
  addGroupCommands(program, terminal)
  addClientCommands(program, terminal)
  addUserCommands(program, terminal)
  addPermissionCommands(program, terminal)
  addIssuerCommands(program, terminal)
  addTrustCommands(program, terminal)
  addKeyCommands(program, terminal)
  addSecretCommands(program, terminal)
  addToken(program, terminal)
  addPatCommands(program, terminal)
  addCredentialsCommands(program, terminal)
  addRevoke(program, terminal)
  addKeysCommands(program, terminal)
  addLeakCommands(program, terminal)
  addScannerRules(program, terminal)
  addHealth(program, terminal)
  addNodes(program, terminal)
  addApply(program, terminal)
  addWhy(program, terminal)
  addDecisionCommands(program, terminal)
  addAudit(program, terminal)
  addExplain(program, terminal)
  addVerify(program, terminal)
  addMe(program, terminal)
  addContextCommands(program, terminal)
  addCompletion(program, terminal)

  program.addHelpText('after', `\n${ENVIRONMENT_HELP}\n\n${EXIT_HELP}`)
  return examples(program, [
    'countersign serve',
    'countersign client create canister --group media',
    'countersign key create canister --expires 30d',
    'countersign pat create --name laptop > laptop.token',
    'countersign why dec_01JABCDEFGHJKMNPQRSTVWXYZ0',
  ])
}
