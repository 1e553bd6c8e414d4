import { tryClusterRevocations } from '../test/promises/cluster-revocation.ts'
import { type Bench, type Measurement, measured, type Target } from './measured.ts'

const DEFAULT_REVOCATIONS = 400
const NODES = 2
const MAX_P999_MS = 1000
const MAX_MS = 2000

/** How long one server still allows what was revoked on another, under load; `test/promises/run.ts p2` is the long form. */
export const bench: Bench = async ({ rounds, say }) => {
  const revocations = Math.round(rounds ?? DEFAULT_REVOCATIONS)
  const measurements: Measurement[] = []
  const targets: Target[] = []
  for (const isPollOnly of [false, true]) {
    const how = isPollOnly ? 'found by the poll alone' : 'woken by NOTIFY'
    say(`${revocations} revocations, ${how}`)
    const { delays, violations } = await tryClusterRevocations({ revocations, nodes: NODES, isPollOnly })
    if (violations.length > 0) throw new Error(violations.join('\n'))
    const alone = (name: string, value: number) => measured(`${how}, ${name}`, 'ms', [value])
    measurements.push(
      alone('p50', delays.quantileMs(0.5)),
      alone('p99', delays.quantileMs(0.99)),
      alone('longest', delays.maxMs),
    )
    const isMet = delays.quantileMs(0.999) <= MAX_P999_MS && delays.maxMs <= MAX_MS
    targets.push({ says: `${how}: within a second at p99.9, two at most`, isMet })
  }
  return {
    bench: 'revocation',
    setting:
      `${NODES} servers on one PostgreSQL, each asked all the time with what is about to be revoked; from the acknowledgement ` +
      `to the start of the last request that the other one still allowed; ${revocations} revocations of keys, tokens, clients ` +
      `and signing keys each way.`,
    measurements,
    targets,
  }
}
