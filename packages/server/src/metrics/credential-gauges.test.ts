import { describe, expect, test } from 'bun:test'
import { Registry, register } from 'prom-client'
import type { CredentialCount } from '../store/credential-counts.ts'
import { CredentialGauges } from './credential-gauges.ts'

const row = (kind: CredentialCount['kind'], importedFrom: string | null, standing: number, ...expiring: number[]) => ({
  kind,
  importedFrom,
  standing,
  expiring,
})

/** Gauges over counts that the test gives. */
function setUp() {
  const registry = new Registry()
  const time = { nowMs: 0, countTakesMs: 0 }
  const counted: (CredentialCount[] | Error)[] = []
  const errors: unknown[] = []
  let asked = 0
  const gauges = new CredentialGauges(registry, {
    async count() {
      asked++
      time.nowMs += time.countTakesMs
      const next = counted.shift()
      if (next instanceof Error) throw next
      return next ?? []
    },
    clock: () => new Date(1_900_000_000_000 + time.nowMs),
    monotonicMs: () => time.nowMs,
    onError: (error) => errors.push(error),
  })
  const lines = async () =>
    (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#') && line !== '')
  return { gauges, registry, time, counted, errors, lines, asked: () => asked }
}

describe('the figures', () => {
  test('are those of the last count, with a zero for what there is none of', async () => {
    const { gauges, counted, lines } = setUp()
    counted.push([
      row('key', null, 5, 1, 2, 3, 4),
      row('pat', 'glpat-', 2, 0, 0, 1, 1),
      row('pat', 'acme_', 1, 0, 0, 0, 1),
    ])
    await gauges.refresh()
    const shown = await lines()
    expect(shown).toContain('countersign_credentials{kind="key",imported="false"} 5')
    expect(shown).toContain('countersign_credentials{kind="pat",imported="true"} 3')
    expect(shown).toContain('countersign_credentials{kind="secret",imported="false"} 0')
    expect(shown.filter((line) => line.startsWith('countersign_credentials_expiring{kind="key"'))).toEqual([
      'countersign_credentials_expiring{kind="key",within="1d"} 1',
      'countersign_credentials_expiring{kind="key",within="7d"} 2',
      'countersign_credentials_expiring{kind="key",within="14d"} 3',
      'countersign_credentials_expiring{kind="key",within="30d"} 4',
    ])
    expect(shown).toContain('countersign_credentials_expiring{kind="pat",within="30d"} 2')
    expect(shown).toContain('countersign_foreign_prefix_credentials{prefix="acme_"} 1')
    expect(shown).toContain('countersign_credentials_counted_timestamp_seconds 1900000000')
  })

  test('hang on their own registry alone', async () => {
    await setUp().gauges.refresh()
    expect(await register.metrics()).toBe('\n')
  })

  test('of what is gone go, too', async () => {
    const { gauges, counted, lines, time } = setUp()
    counted.push([row('pat', 'glpat-', 2, 0, 0, 0, 0)], [])
    await gauges.refresh()
    time.nowMs = 60_000
    await gauges.refresh()
    expect((await lines()).filter((line) => line.includes('prefix'))).toEqual([])
    expect(await lines()).toContain('countersign_credentials{kind="pat",imported="true"} 0')
  })
})

describe('a count', () => {
  test('is made once a minute at most, however many ask', async () => {
    const { gauges, time, asked } = setUp()
    await Promise.all([gauges.refresh(), gauges.refresh(), gauges.refresh()])
    time.nowMs = 59_999
    await gauges.refresh()
    expect(asked()).toBe(1)
    time.nowMs = 60_000
    await gauges.refresh()
    expect(asked()).toBe(2)
  })

  test('that takes long is made the more seldom', async () => {
    const { gauges, time, asked } = setUp()
    time.countTakesMs = 10_000
    await gauges.refresh()
    time.nowMs = 199_999
    await gauges.refresh()
    expect(asked()).toBe(1)
    time.nowMs = 200_000
    await gauges.refresh()
    expect(asked()).toBe(2)
  })

  test('that fails leaves the last figures, with their age, and is told', async () => {
    const { gauges, counted, errors, lines, time, asked } = setUp()
    counted.push([row('key', null, 5, 0, 0, 0, 0)], new Error('the disk is gone'))
    await gauges.refresh()
    time.nowMs = 60_000
    await gauges.refresh()
    expect(errors).toEqual([new Error('the disk is gone')])
    expect(await lines()).toContain('countersign_credentials{kind="key",imported="false"} 5')
    expect(await lines()).toContain('countersign_credentials_counted_timestamp_seconds 1900000000')
    await gauges.refresh()
    expect(asked()).toBe(2)
  })
})
