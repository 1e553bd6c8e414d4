import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/support/loopback.ts'
import { type Program, startProgram } from '../test/support/program.ts'
import { isListening } from '../test/support/wait.ts'
import { BARE_BUN } from './bare-bun.ts'
import { REFERENCE } from './reference.ts'

/** A server that runs alone on the core it was given. */
export type Contestant = Program & { readonly port: number }

export type StartOptions = { readonly directory: string; readonly core: number }

const COUNTERSIGN = join(import.meta.dir, '../packages/cli/src/main.ts')

/** Countersign as its users run it, on a data directory that was filled before, with these options beside. */
export function startCountersign(
  options: StartOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<Contestant> {
  const port = freePort()
  return startPinned('countersign serve', port, options, [process.execPath, COUNTERSIGN, 'serve'], {
    COUNTERSIGN_DATA_DIR: options.directory,
    COUNTERSIGN_LISTEN: `127.0.0.1:${port}`,
    COUNTERSIGN_BOOTSTRAP_KEY: `bootstrap-${crypto.randomUUID()}`,
    ...env,
  })
}

/** oidc-provider, with its tokens in memory. */
export function startReferenceServer(options: StartOptions): Promise<Contestant> {
  const port = freePort()
  return startPinned('oidc-provider', port, options, [process.execPath, REFERENCE, String(port)])
}

export function startBareBun(options: StartOptions, headers: Readonly<Record<string, string>>): Promise<Contestant> {
  const port = freePort()
  const command = [process.execPath, BARE_BUN, String(port), JSON.stringify(headers)]
  return startPinned('bare bun', port, options, command)
}

/** nginx answering an empty 200 with these headers: one worker, keep-alive, no logs. */
export function startNginx(options: StartOptions, headers: Readonly<Record<string, string>>): Promise<Contestant> {
  const port = freePort()
  const { directory } = options
  const lines = Object.entries(headers).map(([name, value]) => `add_header ${name} '${value}';`)
  const config = join(directory, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off;
master_process off; # one process, which is the worker: its CPU time is what is measured
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${directory}/nginx; proxy_temp_path ${directory}/nginx; fastcgi_temp_path ${directory}/nginx;
  uwsgi_temp_path ${directory}/nginx; scgi_temp_path ${directory}/nginx;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port};
    location / { ${lines.join(' ')} return 200 ''; }
  }
}
`,
  )
  return startPinned('nginx', port, options, ['nginx', '-e', 'stderr', '-p', directory, '-c', config])
}

async function startPinned(
  name: string,
  port: number,
  { directory, core }: StartOptions,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Contestant> {
  const program = await startProgram({
    name,
    // taskset becomes the program: its pid is the program's.
    command: ['taskset', '-c', String(core), ...command],
    cwd: directory,
    env: { HOME: directory, ...env },
    ready: () => isListening(port),
  })
  return { ...program, port }
}
