import { DECISION_HEADER, REFUSALS } from '@countersign/resource-server'
import type { Config, ListenAddress } from '../config.ts'
import { because, type Finding, fault, ok, unchecked, warning } from './finding.ts'
import { isLoopback } from './settings.ts'

const TIMEOUT_MS = 5000
const METADATA = '/.well-known/oauth-authorization-server'
/** Questions of a proxy that there is not. */
const QUESTION = {
  'X-Forwarded-Method': 'GET',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'doctor.invalid',
  'X-Forwarded-Uri': '/countersign-doctor',
}

/** Whether a server runs here, is itself at its public URL, and answers the questions of proxies to proxies alone. */
export async function examineReach(config: Config): Promise<Finding[]> {
  const here = await examineServer(config.listen)
  return here.level === 'ok' ? [here, ...(await examinePublicUrl(config.publicUrl))] : [here]
}

async function examineServer({ hostname, port }: Extract<ListenAddress, { kind: 'tcp' }>): Promise<Finding> {
  const name = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }[hostname] ?? hostname
  const at = `http://${name}:${port}`
  const ready = await get(`${at}/readyz`)
  if (typeof ready === 'string') {
    return unchecked(
      'server',
      `No server answers at ${at}: ${ready}.`,
      'Start it, and run this again: countersign serve',
    )
  }
  if (ready.status === 200) return ok('server', `The server at ${at} is ready.`)
  const reasons = [...ready.body.matchAll(/"because":"([^"]+)"/g)].map(([, said]) => said ?? '')
  return fault('server', `The server at ${at} is not ready (${ready.status}).`, ...reasons)
}

async function examinePublicUrl(publicUrl: string): Promise<Finding[]> {
  const metadata = await get(`${publicUrl}${METADATA}`)
  const todo = 'The site of the public URL has to lead here: see "public URL" in docs/guides/install.md.'
  if (typeof metadata === 'string')
    return [fault('public_url', `${publicUrl} cannot be reached from here: ${metadata}.`, todo)]
  const issuer = /"issuer"\s*:\s*"([^"]*)"/.exec(metadata.body)?.[1]
  if (metadata.status !== 200 || issuer !== publicUrl) {
    const found = metadata.status === 200 ? `says that it is ${issuer ?? 'nobody'}` : `answers ${metadata.status}`
    return [
      fault(
        'public_url',
        `${publicUrl}${METADATA} ${found}: that is another server, or another COUNTERSIGN_PUBLIC_URL.`,
        todo,
      ),
    ]
  }
  // On a loopback address whoever asks is this machine, which may.
  if (isLoopback(publicUrl)) return [ok('public_url', `${publicUrl} is this server.`)]
  const open: string[] = []
  const refusing: string[] = []
  for (const path of ['/verify/forward', '/verify/nginx', '/api/verify']) {
    const answer = await get(`${publicUrl}${path}`, QUESTION)
    if (typeof answer === 'string' || answer.status === 404) continue
    const isRefused = answer.body.startsWith(REFUSALS.untrusted_proxy.description)
    if (isRefused) refusing.push(path)
    else if (answer.headers.has(DECISION_HEADER)) open.push(path)
  }
  if (open.length > 0) {
    return [
      fault(
        'verify_public',
        `Everybody can ask for decisions at ${publicUrl}${open[0]}.`,
        'Give proxies a listener of their own, COUNTERSIGN_INTERNAL_LISTEN, or set COUNTERSIGN_PROXY_SECRET; and have the site of the public URL lead to no /verify.',
      ),
    ]
  }
  const fine = ok('public_url', `${publicUrl} is this server, and asks nothing of strangers.`)
  if (refusing.length === 0) return [fine]
  return [
    fine,
    warning(
      'verify_public',
      `${publicUrl}${refusing[0]} can be reached, and refuses strangers.`,
      'Have the site of the public URL lead to no /verify.',
    ),
  ]
}

type Got = { readonly status: number; readonly headers: Headers; readonly body: string }

/** A text: why there is no answer. */
async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got | string> {
  try {
    const answer = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: answer.status, headers: answer.headers, body: (await answer.text()).slice(0, 65_536) }
  } catch (error) {
    return because(error)
  }
}
