import { expect, test } from 'bun:test'
import type { StartProxy } from '../proxy.ts'
import { openWebdavStage } from '../stage.ts'
import { PATIENCE_MS } from '../wait.ts'
import { bearer } from './identity.ts'

const SECRET = 'a-proxy-secret-of-more-than-32-characters'
const LIE = { 'countersign-proxy-secret': SECRET }

/** A proxy on another machine is known by a secret. */
export function secretCases(startProxy: StartProxy): void {
  const statusOf = async (shown: string, headers: Record<string, string>) => {
    const stage = await openWebdavStage(startProxy, { wanted: SECRET, shown })
    try {
      const key = await stage.newKey()
      const answer = await fetch(`${stage.url}/`, { method: 'PROPFIND', headers: { ...bearer(key), ...headers } })
      const told = stage.recorder.take().map((received) => received.headers.get('countersign-proxy-secret'))
      return [answer.status, told]
    } finally {
      await stage.close()
    }
  }

  test(
    'a proxy that shows the secret is answered, and the service does not see it',
    async () => {
      expect(await statusOf(SECRET, {})).toEqual([207, [null]])
    },
    PATIENCE_MS,
  )

  test(
    'a proxy that shows another is refused, even if the client shows the right one',
    async () => {
      expect(await statusOf('another-secret-of-more-than-32-characters', LIE)).toEqual([403, []])
    },
    PATIENCE_MS,
  )
}
