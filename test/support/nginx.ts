import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guideBlock, substitute } from './guide.ts'
import { type Program, startProgram } from './program.ts'
import type { ProxyAddresses, StartProxy } from './proxy.ts'
import { isListening } from './wait.ts'

/** What a distribution's nginx.conf holds around a site, with every path inside the test's own directory. */
const MAIN = `
daemon off;
pid nginx.pid;
worker_processes 1;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path temp/body;
  proxy_temp_path temp/proxy;
  fastcgi_temp_path temp/fastcgi;
  uwsgi_temp_path temp/uwsgi;
  scgi_temp_path temp/scgi;
  include webdav.conf;
}
`

/** A worker that is `nobody` could not enter a directory that only root may enter. */
const AS_ROOT = 'user root;'

/**
 * nginx with the site of docs/guides/nginx.md: host, ports and addresses are those of the test, and the lines that
 * name a certificate are left out, for the test speaks plain HTTP.
 */
export const startNginx: StartProxy = (addresses) => startNginxWith(guideBlock('nginx.md', 'webdav.conf'), addresses)

/** The same with the lines of docs/guides/git.md, where that says they go. */
export const startNginxForGit: StartProxy = (addresses) => {
  const site = guideBlock('nginx.md', 'webdav.conf')
  const question = guideBlock('git.md', 'nginx-question').trim()
  const asked = /^ *proxy_set_header X-Original-URL +\$scheme.*$/m
  if (!asked.test(site)) throw new Error('the guide for nginx no longer has the line that docs/guides/git.md replaces')
  return startNginxWith(`${guideBlock('git.md', 'nginx-push')}\n${site.replace(asked, () => question)}`, addresses)
}

/** The same with a site of the test's own. */
export async function startNginxWith(snippet: string, addresses: ProxyAddresses): Promise<Program> {
  const { port, verifyAddress, upstreamPort, directory, proxySecret } = addresses
  const site = substitute(snippet, {
    'listen 443 ssl;': `listen 127.0.0.1:${port};`,
    'listen [::]:443 ssl;': '',
    'webdav.example.com': 'localhost',
    '127.0.0.1:8420': verifyAddress,
    '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
    'Countersign-Proxy-Secret ""; #': `Countersign-Proxy-Secret "${proxySecret ?? ''}"; #`,
  }).replaceAll(/^ *ssl_certificate.*\n/gm, '')
  await mkdir(join(directory, 'temp'))
  await writeFile(join(directory, 'nginx.conf'), `${process.getuid?.() === 0 ? AS_ROOT : ''}${MAIN}`)
  await writeFile(join(directory, 'webdav.conf'), site)
  return await startProgram({
    name: 'nginx',
    command: ['nginx', '-p', directory, '-e', 'stderr', '-c', 'nginx.conf'],
    ready: () => isListening(port),
  })
}
