import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guideBlock, ROOT, substitute } from './guide.ts'
import { type Program, startProgram } from './program.ts'
import type { StartProxy } from './proxy.ts'
import { isListening } from './wait.ts'

/** HAProxy with the site of docs/guides/haproxy.md and the script that is shipped: only addresses are those of the test. */
export const startHaproxy: StartProxy = (addresses) =>
  startHaproxyWith(guideBlock('haproxy.md', 'haproxy.cfg'), addresses)

/** The same with the lines of docs/guides/git.md, where that says they go. */
export const startHaproxyForGit: StartProxy = (addresses) => {
  const asking = '  http-request lua.countersign'
  const lines = { [asking]: `${guideBlock('git.md', 'haproxy-push')}${asking}` }
  return startHaproxyWith(substitute(guideBlock('haproxy.md', 'haproxy.cfg'), lines), addresses)
}

/** The same with a configuration of the test's own. */
export async function startHaproxyWith(
  configuration: string,
  { port, verifyAddress, upstreamPort, directory, proxySecret }: Parameters<StartProxy>[0],
): Promise<Program> {
  const file = join(directory, 'haproxy.cfg')
  const text = substitute(configuration, {
    'bind :443 ssl crt /etc/haproxy/webdav.example.com.pem': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/countersign.lua': join(ROOT, 'packaging/haproxy/countersign.lua'),
    '127.0.0.1:8420': verifyAddress,
    '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
  })
  await writeFile(file, text)
  return await startProgram({
    name: 'haproxy',
    command: ['haproxy', '-db', '-f', file],
    cwd: directory,
    env: proxySecret === undefined ? {} : { COUNTERSIGN_PROXY_SECRET: proxySecret },
    ready: () => isListening(port),
  })
}
