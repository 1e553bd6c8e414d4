import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guideBlock, substitute } from './guide.ts'
import { type Program, startProgram } from './program.ts'
import type { ProxyAddresses, StartProxy } from './proxy.ts'
import { isListening } from './wait.ts'

const GLOBAL_OPTIONS = '{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n'

/** Caddy with the site of docs/guides/caddy.md: only its host and the two addresses are those of the test. */
export const startCaddy: StartProxy = (addresses) => startCaddyWith(guideBlock('caddy.md', 'Caddyfile'), addresses)

/** The same with the lines of docs/guides/git.md, where that says they go. */
export const startCaddyForGit: StartProxy = (addresses) =>
  startCaddyWith(
    substitute(guideBlock('caddy.md', 'Caddyfile'), {
      '\t\tforward_auth ': `${guideBlock('git.md', 'Caddyfile-push')}\n\t\tforward_auth `,
      'uri /verify/forward\n': `uri /verify/forward\n${guideBlock('git.md', 'Caddyfile-question')}`,
    }),
    addresses,
  )

/** The same with a site of the test's own. */
export async function startCaddyWith(snippet: string, addresses: ProxyAddresses): Promise<Program> {
  const { port, verifyAddress, upstreamPort, directory, proxySecret } = addresses
  const site = substitute(snippet, {
    'webdav.example.com': `http://localhost:${port}`,
    '127.0.0.1:8420': verifyAddress,
    '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
    '# header_up Countersign-Proxy-Secret': `${proxySecret === undefined ? '# ' : ''}header_up Countersign-Proxy-Secret`,
  })
  const caddyfile = join(directory, 'Caddyfile')
  await writeFile(caddyfile, `${GLOBAL_OPTIONS}\n${site}`)
  return await startProgram({
    name: 'caddy',
    command: ['caddy', 'run', '--config', caddyfile, '--adapter', 'caddyfile'],
    cwd: directory,
    env: {
      HOME: directory,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
      COUNTERSIGN_PROXY_SECRET: proxySecret ?? '',
    },
    ready: () => isListening(port),
  })
}
