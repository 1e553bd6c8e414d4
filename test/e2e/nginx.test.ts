import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startNginx } from '../support/nginx.ts'
import { accessCases } from '../support/proxied/access.ts'
import { gitCases } from '../support/proxied/git.ts'
import type { Traits } from '../support/proxied/identity.ts'
import { outageCases } from '../support/proxied/outage.ts'
import { webdavPrograms } from '../support/proxied/programs.ts'
import { type Dialect, questionCases } from '../support/proxied/question.ts'
import { secretCases } from '../support/proxied/secret.ts'
import { spoofingCases } from '../support/proxied/spoofing.ts'
import { targetCases, webSocketCases } from '../support/proxied/targets.ts'
import { describeWith } from '../support/requires.ts'
import { openGitStage, openWebdavStage, type Stage } from '../support/stage.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const TRAITS: Traits = { malformed: 401, unavailable: { cannotTell: 500, unreachable: 500 } }

const DIALECT: Dialect = {
  path: '/verify/nginx',
  told: ['x-original-method', 'x-original-url', 'x-real-ip'],
  read: (headers) => ['x-original-method', 'x-original-url', 'x-real-ip'].map((name) => headers.get(name)),
}

describeWith(['nginx', 'rclone', 'curl'], 'WebDAV behind nginx', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openWebdavStage(startNginx)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  accessCases(() => stage, TRAITS)
  spoofingCases(() => stage)
  targetCases(() => stage)
  webSocketCases(() => stage)
  webdavPrograms(() => stage)

  test('the location that asks Countersign cannot be asked from outside', async () => {
    const { secret } = await stage.newKey()
    const answer = await fetch(`${stage.url}/countersign-verify`, { headers: { authorization: `Bearer ${secret}` } })
    expect([answer.status, answer.headers.get('countersign-assertion')]).toEqual([404, null])
    expect(stage.recorder.take()).toEqual([])
  })
})

describeWith(['nginx', 'git'], 'git behind nginx', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openGitStage(startNginx)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  gitCases(() => stage)
})

describeWith(['nginx'], 'nginx without an answer', () => outageCases(startNginx, TRAITS))

describeWith(['nginx'], 'what nginx asks Countersign', () => questionCases(startNginx, DIALECT))

describeWith(['nginx', 'rclone'], 'nginx that Countersign knows by a secret', () => secretCases(startNginx))
