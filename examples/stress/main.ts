// Drives a service with personal access tokens and no cookie: every answer must be for the token's owner, and once the
// tokens are revoked none may pass. It makes the tokens and revokes them; it ends by itself, with 1 if anything was wrong.
//
//   bun examples/stress/main.ts --url https://api.example.com/api/me --user alice --user bob
//
// The service says for whom it takes the caller: {"user":"alice"}. Which Countersign and which key, as for countersign.

import { parseArgs } from 'node:util'
import { type Caller, drive, total } from './drive.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    user: { type: 'string', multiple: true },
    workers: { type: 'string', default: '16' },
    requests: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
  },
})
const { url, user: users } = values
const [workers, requests, seconds] = [values.workers, values.requests, values.seconds].map(Number)
if (url === undefined || users === undefined || !workers || !requests || !seconds) {
  console.error('expected --url <url> --user <username>…, and perhaps --workers, --requests, --seconds')
  process.exit(64)
}

const made: { readonly id: string; readonly caller: Caller }[] = []
try {
  for (const user of users) {
    const { id, token } = await countersign('pat', 'create', '--user', user, '--name', 'stress', '--expires', '1h')
    made.push({ id: String(id), caller: { user, token: String(token) } })
  }
  const { live, revoked, failure } = await drive({
    url,
    callers: made.map(({ caller }) => caller),
    workers,
    requests,
    revoke: revokeAll,
    signal: AbortSignal.timeout(seconds * 1000),
  })
  console.log(
    `live:    ${live.owner} as the owner, ${live.other} as somebody else, ${live.refused} refused, ${live.failed} failed`,
  )
  console.log(`revoked: ${revoked.refused} refused, ${revoked.owner + revoked.other} allowed, ${revoked.failed} failed`)
  if (failure !== undefined) console.error(`the first that failed: ${failure}`)
  const isWhole = total(live) >= requests && total(revoked) >= requests
  if (!isWhole) console.error(`not all requests were made within ${seconds} s`)
  const isRight = live.owner === total(live) && revoked.refused === total(revoked)
  process.exitCode = isWhole && isRight ? 0 : 1
} finally {
  await revokeAll()
}

async function revokeAll(): Promise<void> {
  for (let last = made.at(-1); last !== undefined; last = made.at(-1)) {
    await countersign('revoke', last.id, '--reason', 'end of the stress run')
    made.pop()
  }
}

/** Runs a command of countersign and reads what it says for programs. */
async function countersign(...args: string[]): Promise<Record<string, unknown>> {
  const child = Bun.spawn(['countersign', ...args, '--json'], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`countersign ${args[0]} failed`)
  return JSON.parse(text)
}
