// The promises at full count:
//   bun test/promises/run.ts p1 --trials 100000
//   bun test/promises/run.ts p2 --revocations 10000 --nodes 2|3 [--poll-only]
//   bun test/promises/run.ts p3 --rounds 5
//   bun test/promises/run.ts p5
//   bun test/promises/run.ts p6 --loops 50
//   bun test/promises/run.ts p8
// TMPDIR chooses where the data directories are: /dev/shm takes the disk out of what p1 measures.
import { parseArgs } from 'node:util'
import { tryClusterRevocations } from './cluster-revocation.ts'
import { FAULTS, tryFaults } from './faults.ts'
import { tryKills } from './kill-loop.ts'
import { tryNodeFaults } from './node-faults.ts'
import type { Outcome, Progress } from './outcome.ts'
import { tryRevocations } from './revocation.ts'
import { trySearch } from './traces.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trials: { type: 'string', default: '100000' },
    loops: { type: 'string', default: '50' },
    revocations: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '2' },
    'poll-only': { type: 'boolean', default: false },
  },
})

const PROMISES: Record<string, (progress: Progress) => Promise<Outcome>> = {
  p1: (progress) => tryRevocations(countOf('trials'), progress),
  p2: (progress) => {
    const [revocations, nodes] = [countOf('revocations'), countOf('nodes')]
    if (nodes < 2) usage('--nodes has to be 2 at least')
    return tryClusterRevocations({ revocations, nodes, isPollOnly: values['poll-only'] }, progress)
  },
  p3: (progress) => tryNodeFaults(countOf('rounds'), progress),
  p5: (progress) => tryFaults(Object.keys(FAULTS) as (keyof typeof FAULTS)[], true, progress),
  p6: (progress) => tryKills(countOf('loops'), progress),
  p8: (progress) => trySearch(progress),
}

function countOf(option: 'trials' | 'loops' | 'revocations' | 'nodes' | 'rounds'): number {
  const count = Number(values[option])
  if (!Number.isSafeInteger(count) || count < 1) usage(`--${option} has to be a whole number from 1`)
  return count
}

function usage(problem: string): never {
  console.error(
    `${problem}\nbun test/promises/run.ts ${Object.keys(PROMISES).join('|')} [OPTION]…, as the head of that file shows`,
  )
  process.exit(2)
}

const [name = '', ...more] = positionals
const attempt = PROMISES[name]
if (attempt === undefined || more.length > 0) usage(`Name one promise, not "${positionals.join(' ')}".`)

const startedAt = performance.now()
const isTerminal = process.stderr.isTTY
let toldAt = startedAt
const { trials, violations, notes } = await attempt((done, count) => {
  const now = performance.now()
  if (now - toldAt < (isTerminal ? 500 : 10_000)) return
  toldAt = now
  const line = `${name}: ${done} done, ${count} violations, ${Math.round((now - startedAt) / 1000)} s`
  process.stderr.write(isTerminal ? `\r${line}` : `${line}\n`)
})
if (isTerminal) process.stderr.write('\n')
for (const violation of violations) console.log(`VIOLATION ${violation}`)
for (const note of notes) console.log(note)
console.log(`${name}: ${trials} trials, ${violations.length} violations`)
process.exit(violations.length === 0 ? 0 : 1)
