// What strangers send is told in the log and in records; it must not be able to write lines of its own there.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const FORGED = `x\r\n{"level":"error","msg":"forged"}\u001b[31m\u0085\u2028\u0000"\\`
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (header: object, claims: object) => `${encode(header)}.${encode(claims)}.${'A'.repeat(86)}`
/** With what a header can carry of it. */
const IN_HEADER = FORGED.replaceAll(/[^ -ÿ]/g, '')

const hasControls = (text: string) => [...text].some((one) => one < ' ' || one === '\u007f')

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open({ COUNTERSIGN_LOG_LEVEL: 'debug' })
  await stage.make('/issuers', {
    ...{ name: 'corp', issuer: 'https://idp.example.com', algorithms: ['ES256'] },
    jwks_uri: 'https://127.0.0.1/keys',
  })
})
afterEach(() => stage.close())

test('DOS-10 whatever is sent, each line of the log is one JSON object, and no record holds a control character', async () => {
  const es256 = { alg: 'ES256', kid: FORGED }
  const shown = [
    bearer(jwt(es256, { iss: FORGED })),
    bearer(jwt(es256, { iss: 'https://idp.example.com', sub: FORGED, aud: FORGED })),
    bearer(jwt({ alg: FORGED, typ: FORGED }, { iss: 'http://127.0.0.1:8420' })),
    bearer(jwt(es256, { iss: 'http://127.0.0.1:8420' })),
    ['User-Agent', IN_HEADER],
    ['Cookie', IN_HEADER],
    ['X-Api-Key', IN_HEADER],
    ['Authorization', `Basic ${btoa(`${IN_HEADER}:${IN_HEADER}`)}`],
  ] as const
  const asked = [{}, { host: IN_HEADER }, { uri: `/${IN_HEADER}` }, { method: IN_HEADER }, { proto: IN_HEADER }]
  const ids: string[] = []
  for (const asks of asked) {
    for (const line of shown) {
      for (const peer of ['127.0.0.1', '198.51.100.7', IN_HEADER]) {
        const answer = await stage.ask('forward', { asks, lines: [line], peer })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        ids.push(String(answer.headers.get('countersign-decision')))
      }
    }
  }
  expect(stage.test.logLines.length).toBeGreaterThan(0)
  for (const line of stage.test.logLines) {
    expect(line.endsWith('\n')).toBe(true)
    expect(hasControls(line.slice(0, -1))).toBe(false)
    expect(JSON.parse(line).msg).not.toBe('forged')
  }
  const raw = await stage.send('GET', '/decisions?limit=200', [bearer('bootstrap-key-of-the-tests-0123456789abcdef')])
  expect(JSON.parse(raw.body).items.length).toBeGreaterThan(100)
  expect(hasControls(raw.body)).toBe(false)
})
