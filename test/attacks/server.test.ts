// Every vector against the server, in each dialect.
import { afterAll, beforeAll, describe, test } from 'bun:test'
import type { Dialect } from './oracle.ts'
import { Stage } from './stage.ts'
import { VECTORS } from './vectors/all.ts'

const DIALECTS: readonly Dialect[] = ['forward', 'nginx']

describe.each(DIALECTS)('the server at /verify/%s', (dialect) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close())

  for (const { name, lines, asks = {}, expected, nginx = expected } of VECTORS) {
    test(name, async () => {
      const [kind, code] = pair(dialect === 'nginx' ? nginx : expected)
      await stage.expect(kind, code, dialect, { asks, lines: lines?.(stage.wallet) ?? [] })
    })
  }
})

function pair(expected: (typeof VECTORS)[number]['expected']) {
  return expected === 'OK' ? (['OK', undefined] as const) : expected
}
