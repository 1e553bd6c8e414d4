import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guideBlock, substitute } from './guide.ts'
import { startProgram } from './program.ts'
import type { StartProxy } from './proxy.ts'
import { isListening } from './wait.ts'

const GLOBAL_OPTIONS = '{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n'

/** Caddy with the site of docs/guides/caddy.md: only its host and the two addresses are those of the test. */
export const startCaddy: StartProxy = async ({ port, verifyAddress, upstreamPort, directory, proxySecret }) => {
  const site = substitute(guideBlock('caddy.md', 'Caddyfile'), {
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
