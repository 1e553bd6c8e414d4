// What strangers send must not make a series of its own at /metrics: each would stay for as long as the process lives.
import { expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

async function seriesAt(stage: Stage): Promise<Set<string>> {
  const headers = { host: 'localhost:8420' }
  const answer = await stage.test.app.publicRoutes.exact['/metrics']?.(
    new Request('http://127.0.0.1:8420/metrics', { headers }),
    '127.0.0.1',
  )
  const lines = (await answer?.text())?.split('\n') ?? []
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.replace(/ \S+$/, '')))
}

test(
  'DOS-11 hundreds of hosts, paths, methods, keys, issuers and clients make no series of their own',
  async () => {
    const stage = await Stage.open()
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const flood = async (round: number) => {
      for (let i = 0; i < 100; i++) {
        const made = `made-up-${round}-${i}`
        const jwt = `${encode({ alg: 'ES256', kid: made })}.${encode({ iss: `https://${made}.example` })}.${'A'.repeat(86)}`
        await stage.ask('forward', { asks: { host: `${made}.example.com` } })
        await stage.ask('forward', { asks: { uri: `/${made}` }, lines: [bearer(stage.wallet.key)] })
        await stage.ask('nginx', { asks: { method: made.toUpperCase() }, lines: [bearer(stage.wallet.key)] })
        await stage.ask('forward', { lines: [bearer(jwt)], from: `203.0.113.${i}` })
        const form = { grant_type: made, client_id: made, client_secret: made, scope: `${made}:read` }
        await stage.test.oauth('/oauth/token', form, { peer: `203.0.113.${i}` })
        await stage.test.oauth(`/oauth/${made}`, form)
        await stage.test.api('GET', `/api/v1/${made}`)
        await stage.test.api('GET', `/api/v1/clients/${made}`)
        await stage.test.api(`M${round}${i}`, '/api/v1/clients')
      }
    }
    // Each kind of refusal is seen for the first time.
    await flood(0)
    const before = await seriesAt(stage)
    await flood(1)
    const after = await seriesAt(stage)
    await stage.close()
    expect([...after].filter((series) => !before.has(series))).toEqual([])
    expect([...after].filter((series) => series.includes('made-up'))).toEqual([])
  },
  PATIENCE_MS,
)
