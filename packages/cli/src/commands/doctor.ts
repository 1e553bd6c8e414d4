import type { Command } from 'commander'
import { PROXY_NAMES } from '../doctor/advice.ts'
import { examineResource, PARTS, type ResourceOptions } from '../doctor/examine-resource.ts'
import { report } from '../doctor/report.ts'
import { UsageError } from '../exit.ts'
import { collect, examples } from '../options.ts'
import type { ServerModule } from '../server-module.ts'
import { addServerOptions } from '../server-options.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

/** The options that go with `--resource` alone. */
const FOR_RESOURCE = {
  proxy: '--proxy',
  connectTo: '--connect-to',
  caFile: '--ca-file',
  only: '--only',
  method: '--method',
  echoListen: '--echo-listen',
  echoPath: '--echo-path',
  withKeyFile: '--with-key-file',
  whileDown: '--while-down',
} as const satisfies Record<keyof ResourceOptions, string>

export function addDoctor(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const doctor = program
    .command('doctor')
    .description('look for what is wrong, on this host or through the proxy of a protected resource; change nothing')
    .option('--resource <url>', 'try the ways around your proxy, at the public address of a protected resource')
    .option('--proxy <name>', `whose lines to show: ${PROXY_NAMES.join(', ')} (default: what the answers say)`)
    .option('--connect-to <host:port>', 'connect there, whatever the address says')
    .option('--ca-file <path>', 'who vouches for the certificate of the site, if nobody public does')
    .option('--only <part>', `only this part; may be repeated: ${PARTS.join(', ')}`, collect)
    .option('--method <name>', 'try this method too, though it may change something; may be repeated', collect)
    .option('--echo-listen <host:port>', 'answer here in place of the service, to see what it would receive')
    .option('--echo-path <path>', 'a path of the service that answers with the headers it was sent')
    .option('--with-key-file <path>', 'the key that --echo-listen or --echo-path is asked with')
    .option('--while-down', 'Countersign is stopped: see that the proxy lets nothing pass')
  const read = addServerOptions(doctor, terminal, server, ['data_dir', 'database_url', 'kek'])
  doctor.action(async (options: ResourceOptions & { readonly resource?: string }, command: Command) => {
    const { resource } = options
    if (resource !== undefined) return await examineResource(terminal, command, resource, options)
    const alone = Object.entries(FOR_RESOURCE).find(([name]) => command.getOptionValue(name) !== undefined)
    if (alone !== undefined) throw new UsageError(`${alone[1]} goes with --resource <url>.`)
    const { use, config } = read()
    report(openSession(terminal, command), await use.examineHost(config, terminal.env))
  })
  examples(doctor, [
    'countersign doctor',
    'countersign doctor --resource https://webdav.example.com',
    'countersign doctor --resource https://webdav.example.com --echo-listen 127.0.0.1:8080 --with-key-file canister.key',
    'countersign doctor --resource https://webdav.example.com --while-down --proxy nginx',
  ])
}
