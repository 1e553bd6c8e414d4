// Histories of several servers on one database, by chance, each held to the promises:
//   bun test/simulation/run.ts --histories 100000
//   bun test/simulation/run.ts --seed 4711          one history again
import { parseArgs } from 'node:util'
import { playHistory } from './history.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '100000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})

function count(option: 'histories' | 'from' | 'seed'): number {
  const number = Number(values[option])
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(
    `--${option}: expected a whole number.\nbun test/simulation/run.ts [--histories N] [--from SEED] | --seed N`,
  )
  process.exit(2)
}

const [first, histories] = values.seed === undefined ? [count('from'), count('histories')] : [count('seed'), 1]
const startedMs = performance.now()
let toldMs = startedMs
let asked = 0
let allowed = 0
const failed: number[] = []
for (let seed = first; seed < first + histories; seed++) {
  const told = await playHistory(seed)
  asked += told.asked
  allowed += told.allowed
  if (told.violations.length > 0) failed.push(seed)
  for (const violation of told.violations) console.log(`VIOLATION in history ${seed}: ${violation}`)
  if (performance.now() - toldMs > 10_000) {
    toldMs = performance.now()
    process.stderr.write(`${seed - first + 1} histories, ${failed.length} with violations, ${seconds()} s\n`)
  }
}
for (const seed of failed.slice(0, 5)) console.log(`To see it again: bun test/simulation/run.ts --seed ${seed}`)
console.log(
  `${histories} histories, ${asked} answers, ${allowed} of them allowed, in ${seconds()} s: ${failed.length} with violations`,
)
process.exit(failed.length === 0 ? 0 : 1)

function seconds(): number {
  return Math.round((performance.now() - startedMs) / 1000)
}
