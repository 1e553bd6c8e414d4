import { UnreachableError } from '@countersign/admin-api'
import type { Command } from 'commander'
import { AnswerIsNo } from '../exit.ts'
import { fetchDirectly } from '../fetch-directly.ts'
import { examples } from '../options.ts'
import { asStranger } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { plain } from '../text.ts'

type Health = { readonly status: string; readonly reasons?: readonly Reason[] }
type Reason = { readonly reason: string; readonly because: string }

const PATIENCE_MS = 2500
/** What it says in all circumstances is shorter. */
const MOST_BYTES = 65_536
const STATUSES: readonly unknown[] = ['ok', 'ready', 'not_ready']

/** Whether a server is ready, for whoever has no curl at hand: an image that holds nothing but this program. */
export function addHealth(program: Command, terminal: Terminal): void {
  const health = program
    .command('health')
    .description('whether a server is ready to be asked, and if not, why')
    .option('--live', 'only whether it runs')
    .action(({ live }: { live?: true }, command: Command) =>
      asStranger(terminal, command, async ({ server, print }) => {
        const { ok, body } = await asked(`${server}${live ? '/healthz' : '/readyz'}`)
        print(body, () => {
          const reasons = (body.reasons ?? []).map(({ reason, because }) => `  ${plain(reason)}: ${plain(because)}\n`)
          return [`${plain(body.status)}\n`, ...reasons].join('')
        })
        if (!ok) throw new AnswerIsNo()
      }),
    )
  examples(health, ['countersign health', 'countersign health --live --server http://10.0.3.11:8420'])
}

async function asked(url: string): Promise<{ readonly ok: boolean; readonly body: Health }> {
  const { ok, text } = await answerAt(url)
  const body = parsed(text)
  if (isHealth(body)) return { ok, body }
  throw new Error(`What answers at ${url} is no Countersign.`)
}

async function answerAt(url: string): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const answer = await fetchDirectly(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) })
    let text = ''
    for await (const chunk of (answer.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.length > MOST_BYTES) break
    }
    return { ok: answer.ok, text }
  } catch {
    throw new UnreachableError(url, 'no answer')
  }
}

function isHealth(value: unknown): value is Health {
  if (typeof value !== 'object' || value === null || !('status' in value) || !STATUSES.includes(value.status))
    return false
  return !('reasons' in value) || (Array.isArray(value.reasons) && value.reasons.every(isReason))
}

function isReason(value: unknown): value is Reason {
  if (typeof value !== 'object' || value === null || !('reason' in value) || !('because' in value)) return false
  return typeof value.reason === 'string' && typeof value.because === 'string'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
