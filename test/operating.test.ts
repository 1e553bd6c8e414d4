// What dashboard, alerts and guide say of figures is so: every name and label is one of a real server.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REFUSALS } from '@countersign/resource-server'
import { METRICS } from '@countersign/server'
import { parse } from 'yaml'
import { startApp, type TestApp } from './support/app.ts'
import { guideBlock } from './support/guide.ts'

const docs = join(import.meta.dir, '../docs')
const read = (name: string) => readFileSync(join(docs, name), 'utf8')

type Rule = { alert: string; expr: string; annotations: Record<string, string>; labels: Record<string, string> }
const alerts = (parse(read('operating/prometheus-alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
)
type Panel = { title: string; type: string; targets?: { expr: string; legendFormat: string }[] }
const dashboard = JSON.parse(read('operating/grafana-dashboard.json')) as {
  panels: Panel[]
  templating: { list: { name: string; query: unknown }[] }
  annotations: { list: { expr?: string }[] }
}
const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })))
const expressions: [where: string, expression: string, shown: string][] = [
  ...alerts.map(({ alert, expr, annotations }): [string, string, string] => [alert, expr, JSON.stringify(annotations)]),
  ...targets.map(({ title, expr, legendFormat }): [string, string, string] => [title, expr, legendFormat]),
]

/** What Prometheus puts on every sample, and what a histogram has. */
const ADDED = ['job', 'instance', 'le']
const NAME = /\b(?:countersign|process)_[a-z_]+\b/g

/** The figure that a name in an expression is of. */
function figureOf(name: string): keyof typeof METRICS | undefined {
  const known = Object.keys(METRICS) as (keyof typeof METRICS)[]
  const histogram = name.replace(/_(bucket|sum|count)$/, '')
  return known.find((one) => one === name || (one === histogram && METRICS[one].type === 'histogram'))
}

/** Labels that an expression selects, groups or shows by. */
function labelsIn(expression: string, shown: string): string[] {
  const selected = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) =>
    [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  )
  const grouped = [...expression.matchAll(/\b(?:by|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  )
  const legends = [...shown.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}/g)].map(([, label = '']) => label)
  return [...selected, ...grouped, ...legends]
}

for (const [where, expression, shown] of expressions) {
  test(`${where}: ${expression.slice(0, 60)} asks for figures and labels that there are`, () => {
    const names = expression.match(NAME) ?? []
    expect(names.length > 0 || expression.startsWith('up{')).toBe(true)
    expect(names.filter((name) => figureOf(name) === undefined)).toEqual([])
    const known: readonly string[] = [
      ...ADDED,
      ...names.flatMap((name) => METRICS[figureOf(name) ?? 'countersign_ready'].labels),
    ]
    expect(labelsIn(expression, shown).filter((label) => !known.includes(label))).toEqual([])
    for (const [open, close] of ['()', '{}', '[]'].map((pair) => [...pair] as [string, string])) {
      expect(expression.split(open).length).toBe(expression.split(close).length)
    }
  })
}

describe('a real server', () => {
  let server: TestApp
  let text = ''
  beforeAll(async () => {
    server = await startApp()
    const metrics = server.app.publicRoutes.exact['/metrics']
    const headers = { host: '127.0.0.1:8420' }
    // Asked once before, so that what is counted of a call is there.
    await server.api('GET', '/api/v1/clients')
    const answer = await metrics?.(new Request('http://127.0.0.1:8420/metrics', { headers }), '127.0.0.1')
    text = (await answer?.text()) ?? ''
  })
  afterAll(() => server.close())

  test('exposes every figure of the reference with its type, and no other', () => {
    const exposed = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    const promised = Object.entries(METRICS).map(([name, { type }]) => `${name} ${type}`)
    expect(exposed.sort()).toEqual(promised.sort())
  })

  test('gives each sample the labels of the reference', () => {
    const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)]
    expect(samples.length).toBeGreaterThan(60)
    for (const [, name = '', inner = ''] of samples) {
      const figure = figureOf(name)
      if (figure === undefined) throw new Error(`${name} is not in the reference`)
      const labels = [...inner.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter((label) => label !== 'le')
      expect([name, ...labels.sort()]).toEqual([name, ...[...METRICS[figure].labels].sort()])
    }
  })
})

describe('the guide', () => {
  const guide = read('guides/operating.md')

  test('names figures that there are', () => {
    const named = guide.match(NAME) ?? []
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((name) => figureOf(name) === undefined)).toEqual([])
  })

  test('names refusals that there are', () => {
    const section = guide.slice(guide.indexOf('### CountersignUnclear'), guide.indexOf('### CountersignBehind'))
    const rows = [...section.matchAll(/^\| (`.*`) +\|/gm)].flatMap(([, codes = '']) => codes.match(/[a-z_]+/g) ?? [])
    const surge = guide.slice(
      guide.indexOf('### CountersignRefusalsSurge'),
      guide.indexOf('### CountersignCredentialsEnd'),
    )
    const listed = [...surge.matchAll(/^- (`.*?`)(?:: | at)/gm)].flatMap(
      ([, codes = '']) => codes.match(/[a-z_]+/g) ?? [],
    )
    expect([rows.length, listed.length]).toEqual([5, 8])
    expect([...rows, ...listed].filter((code) => !Object.hasOwn(REFUSALS, code))).toEqual([])
  })

  test('shows a line of the log, and what /readyz says, as they are', async () => {
    const server = await startApp()
    await server.api('POST', '/api/v1/clients', { id: 'canister' })
    server.logLines.length = 0
    await server.api('POST', '/api/v1/clients/canister/keys', {})
    const shown = JSON.parse(guideBlock('operating.md', 'line')) as Record<string, unknown>
    const line = server.logLines.find((one) => one.includes('"management call"'))
    const written = JSON.parse(line ?? '') as Record<string, unknown>
    expect(Object.keys(written)).toEqual(Object.keys(shown))
    for (const same of ['level', 'method', 'route', 'status', 'msg']) expect(written[same]).toEqual(shown[same])

    server.app.readiness.set('stopping')
    const answer = await server.app.publicRoutes.exact['/readyz']?.(new Request('http://127.0.0.1/readyz'), '127.0.0.1')
    expect([answer?.status, await answer?.json()]).toEqual([503, JSON.parse(guideBlock('operating.md', 'not-ready'))])
    await server.close()
  })

  test('has Prometheus read the alerts, of the job that they expect', () => {
    const settings = parse(guideBlock('operating.md', 'prometheus.yml')) as { scrape_configs: { job_name: string }[] }
    expect(settings.scrape_configs.map(({ job_name }) => job_name)).toEqual(['countersign'])
  })

  test('says of each alert what to do, where its annotation points to', () => {
    const headings = [...guide.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase())
    for (const { alert, annotations, labels } of alerts) {
      const [page, anchor = ''] = (annotations.runbook ?? '').split('#')
      expect([alert, page]).toEqual([alert, 'docs/guides/operating.md'])
      expect([alert, headings.some((heading) => heading.split(', ').includes(anchor))]).toEqual([alert, true])
      expect(guide).toContain(alert)
      expect(['critical', 'warning']).toContain(labels.severity ?? '')
      expect(annotations.description).toMatch(/\.$/)
    }
  })
})

test('the dashboard asks the data source that is chosen, and each figure of the reference is on it', () => {
  expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance'])
  const sources = [...read('operating/grafana-dashboard.json').matchAll(/"type": "prometheus",\s*"uid": "([^"]+)"/g)]
  expect(new Set(sources.map(([, uid]) => uid))).toEqual(new Set(['$' + '{datasource}']))
  const asked = new Set(targets.flatMap(({ expr }) => expr.match(NAME) ?? []).map(figureOf))
  const elsewhere = ['countersign_credentials_counted_timestamp_seconds', 'process_start_time_seconds']
  expect(Object.keys(METRICS).filter((name) => !asked.has(figureOf(name)) && !elsewhere.includes(name))).toEqual([])
})
