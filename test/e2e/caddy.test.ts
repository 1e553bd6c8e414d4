import { afterAll, beforeAll } from 'bun:test'
import { startCaddy } from '../support/caddy.ts'
import { accessCases } from '../support/proxied/access.ts'
import { gitCases } from '../support/proxied/git.ts'
import type { Traits } from '../support/proxied/identity.ts'
import { outageCases } from '../support/proxied/outage.ts'
import { webdavPrograms } from '../support/proxied/programs.ts'
import { type Dialect, questionCases } from '../support/proxied/question.ts'
import { secretCases } from '../support/proxied/secret.ts'
import { spoofingCases } from '../support/proxied/spoofing.ts'
import { targetCases, webSocketCases } from '../support/proxied/targets.ts'
import { tokenPrograms } from '../support/proxied/tokens.ts'
import { describeWith } from '../support/requires.ts'
import { openGitStage, openWebdavStage, type Stage } from '../support/stage.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const TRAITS: Traits = { malformed: 400, unavailable: { cannotTell: 503, unreachable: 502 } }

const DIALECT: Dialect = {
  path: '/verify/forward',
  told: ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-uri'],
  read(headers) {
    const [proto, host, uri] = ['proto', 'host', 'uri'].map((part) => headers.get(`x-forwarded-${part}`))
    return [headers.get('x-forwarded-method'), `${proto}://${host}${uri}`, headers.get('x-forwarded-for')]
  },
}

describeWith(['caddy', 'rclone', 'curl'], 'WebDAV behind Caddy', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openWebdavStage(startCaddy)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  accessCases(() => stage, TRAITS)
  spoofingCases(() => stage, { 'identity headers that nobody has thought of yet': ['Remote-Tenant: other'] })
  targetCases(() => stage)
  webSocketCases(() => stage)
  webdavPrograms(() => stage)
  tokenPrograms(() => stage)
})

describeWith(['caddy', 'git'], 'git behind Caddy', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openGitStage(startCaddy)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  gitCases(() => stage)
})

describeWith(['caddy'], 'Caddy without an answer', () => outageCases(startCaddy, TRAITS))

describeWith(['caddy'], 'what Caddy asks Countersign', () => questionCases(startCaddy, DIALECT))

describeWith(['caddy', 'rclone'], 'Caddy that Countersign knows by a secret', () => secretCases(startCaddy))
