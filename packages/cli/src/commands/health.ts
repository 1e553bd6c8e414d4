import type { Command } from 'commander'
import { AnswerIsNo } from '../exit.ts'
import { examples } from '../options.ts'
import { asStranger } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Readiness = { readonly status: string; readonly reasons?: readonly { reason: string; because: string }[] }

const PATIENCE_MS = 2500

/** Whether a server is ready, for whoever has no curl at hand: an image that holds nothing but this program. */
export function addHealth(program: Command, terminal: Terminal): void {
  const health = program
    .command('health')
    .description('whether a server is ready to be asked, and if not, why')
    .option('--live', 'only whether it runs')
    .action(({ live }: { live?: true }, command: Command) =>
      asStranger(terminal, command, async ({ server, print }) => {
        const { ok, body } = await asked(`${server}${live ? '/healthz' : '/readyz'}`)
        print(body, () =>
          [`${body.status}\n`, ...(body.reasons ?? []).map(({ reason, because }) => `  ${reason}: ${because}\n`)].join(
            '',
          ),
        )
        if (!ok) throw new AnswerIsNo()
      }),
    )
  examples(health, ['countersign health', 'countersign health --live --server http://10.0.3.11:8420'])
}

async function asked(url: string): Promise<{ readonly ok: boolean; readonly body: Readiness }> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) })
    return { ok: answer.ok, body: (await answer.json()) as Readiness }
  } catch {
    return {
      ok: false,
      body: { status: 'not_reachable', reasons: [{ reason: 'not_reachable', because: `no answer at ${url}` }] },
    }
  }
}
