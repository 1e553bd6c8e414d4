// The doctor finds nothing wrong with the sites of the guides, word for word.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { byPath } from '../support/broken-sites/breakage.ts'
import { type DoctorStage, openDoctorStage } from '../support/doctor-stage.ts'
import { describeWith } from '../support/requires.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['caddy', 'nginx', 'haproxy'], 'the doctor at the sites of the guides', () => {
  let stage: DoctorStage
  beforeAll(async () => {
    stage = await openDoctorStage()
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  for (const proxy of ['caddy', 'nginx', 'haproxy'] as const) {
    test(
      `is silent of ${proxy}, with every probe and all that the service receives`,
      async () => {
        const { code, findings, err } = await stage.visit({ proxy, changes: [], echo: true })
        expect(findings.filter(({ level }) => level !== 'ok')).toEqual([])
        expect([code, err, findings.map(({ check }) => check)]).toEqual([0, '', ['asked', 'identity']])
      },
      PATIENCE_MS,
    )

    test(
      `is silent of what a service behind ${proxy} says that it receives`,
      async () => {
        const { code, findings } = await stage.visit({ proxy, changes: [], ...byPath })
        expect([code, findings.map(({ check, level }) => [check, level])]).toEqual([
          0,
          [
            ['asked', 'ok'],
            ['identity', 'ok'],
          ],
        ])
      },
      PATIENCE_MS,
    )

    test(
      `sees that ${proxy} lets nothing pass while Countersign does not answer`,
      async () => {
        const { code, findings } = await stage.visit({ proxy, changes: [], isDown: true, words: ' --while-down' })
        expect([code, findings.map(({ check, level }) => [check, level])]).toEqual([0, [['while_down', 'ok']]])
      },
      PATIENCE_MS,
    )
  }
})
