// Every code of the table of refusals is reached by a real request, in both dialects and at the management API; its
// caller is told the constant sentence and no more, its operator which code it was.
import { describe, expect, test } from 'bun:test'
import { REFUSALS, type RefusalCode } from '@countersign/resource-server'
import type { Answer, Dialect } from './attacks/oracle.ts'
import { Stage } from './attacks/stage.ts'
import { type ApiCall, REFUSED, type Refused } from './attacks/vectors/refusals.ts'
import { PUBLIC_URL } from './support/app.ts'

const ROWS = Object.entries(REFUSED) as [RefusalCode, Refused][]

test('every refusal of the table is here', () => {
  expect(ROWS.map(([code]) => code).sort()).toEqual((Object.keys(REFUSALS) as RefusalCode[]).sort())
})

for (const dialect of ['forward', 'nginx'] as const) {
  describe(`at /verify/${dialect}`, () => {
    for (const [code, { kind, says, verify, during }] of ROWS) {
      if (verify === undefined) continue
      test(code, async () => {
        const stage = await Stage.open()
        const question = await verify(stage)
        let answer: Answer | undefined
        const ask = async () => {
          answer = await stage.ask(dialect, question)
        }
        await (during?.(stage, ask) ?? ask())
        if (answer === undefined) throw new Error('it was not asked')
        const id = String(stage.oracle.judge(answer, kind, dialect))
        expect(answer.body).toBe(`${says}\nDecision ${id}\n`)
        await isExplained(stage, id, code, answer, dialect)
        await stage.close()
      })
    }
  })
}

describe('at the management API', () => {
  for (const [code, { kind, says, api, during }] of ROWS) {
    if (api === undefined) continue
    test(code, async () => {
      const stage = await Stage.open()
      const call = await api(stage)
      let answer: Answer | undefined
      const ask = async () => {
        answer = await send(stage, call)
      }
      await (during?.(stage, ask) ?? ask())
      if (answer === undefined) throw new Error('it was not asked')
      const id = stage.oracle.judgeProblem(answer, kind, kind === 'T401' ? 'invalid_token' : code, says)
      // These are judged inside the change that was allowed as a request.
      if (code !== 'would_escalate' && code !== 'minting_refused')
        await isExplained(stage, String(id), code, answer, 'api')
      await stage.close()
    })
  }
})

describe('at the OAuth endpoints', () => {
  for (const [code, { says, oauth, during }] of ROWS) {
    if (oauth === undefined) continue
    test(code, async () => {
      const stage = await Stage.open()
      const { path = '/oauth/token', form, headers, error, status } = await oauth(stage)
      let answer: Awaited<ReturnType<typeof stage.test.oauth>> | undefined
      const ask = async () => {
        answer = await stage.test.oauth(path, form, { ...(headers && { headers }) })
      }
      await (during?.(stage, ask) ?? ask())
      expect(answer?.status).toBe(status)
      expect(answer?.body).toMatchObject({ error })
      expect(String(answer?.body.error_description)).toStartWith(says)
      expect(answer?.headers.get('cache-control')).toBe('no-store')
      const id = String(answer?.headers.get('countersign-decision'))
      const record = await stage.why(id)
      expect(record).toMatchObject({ id, code, outcome: 'deny', request: { dialect: 'oauth', path } })
      expect(record.sentence).not.toMatch(/undefined|null|NaN|\[object/)
      await stage.close()
    })
  }
})

/** `why` names the code, in a sentence for the operator that is not the one for the caller. */
async function isExplained(stage: Stage, id: string, code: string, { status }: Answer, dialect: Dialect | 'api') {
  const record = await stage.why(id)
  expect(record).toMatchObject({ id, code, status, outcome: 'deny', request: { dialect } })
  expect(record.sentence).toMatch(/^[A-Z0-9"].{20,}[.)]$/)
  expect(record.sentence).not.toMatch(/undefined|null|NaN|\[object/)
}

async function send({ test: { app } }: Stage, { method = 'GET', path = '/me', lines, body }: ApiCall): Promise<Answer> {
  const headers = new Headers({ 'Content-Type': 'application/json' })
  for (const [name, value] of lines) headers.append(name, value)
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
  const response = await app.publicRoutes.fallback(new Request(`${PUBLIC_URL}/api/v1${path}`, init), '127.0.0.1')
  return { status: response.status, headers: response.headers, body: await response.text() }
}
