// What of section «headers» no vector can say: other places of the question itself, and what a refusal costs.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { workOf } from './work.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(() => stage.close())

for (const dialect of ['forward', 'nginx'] as const) {
  test(`HDR-14 a key in the query of the question at ${dialect} is no credential`, async () => {
    for (const name of ['access_token', 'api_key', 'token', 'Authorization']) {
      const query = `?${name}=${stage.wallet.key}`
      await stage.expect('N401', 'credential_missing', dialect, { query })
    }
  })

  test(`HDR-15 a key in the query of what is asked for at ${dialect} is no credential, and is not recorded`, async () => {
    const asks = { uri: `/x?access_token=${stage.wallet.key}` }
    const { headers } = await stage.expect('N401', 'credential_missing', dialect, { asks })
    const { request } = await stage.why(String(headers.get('countersign-decision')))
    expect(request).toMatchObject({ path: '/x' })
    await stage.expect('OK', undefined, dialect, { asks, lines: [bearer(stage.wallet.key)] })
  })

  test(`HDR-16 a key in the body of the question at ${dialect} is no credential`, async () => {
    const lines = [['Content-Type', 'application/x-www-form-urlencoded']] as const
    const body = `access_token=${stage.wallet.key}`
    await stage.expect('N401', 'credential_missing', dialect, { method: 'POST', lines, body })
  })

  for (const length of [8000, 8193, 15_000]) {
    test(`HDR-17 a token of ${length} bytes that is not ours costs no look-up at ${dialect}`, async () => {
      const lines = [bearer(`eyJ${'a'.repeat(length - 3)}`)]
      const { digests, queries } = await workOf(async () => {
        stage.oracle.judge(await stage.ask(dialect, { lines }), 'T401', dialect)
      })
      expect(queries).toEqual([])
      // One, to compare it with the bootstrap key; none past the longest credential there can be.
      expect(digests).toBe(length > 8192 ? 0 : 1)
    })
  }
}
