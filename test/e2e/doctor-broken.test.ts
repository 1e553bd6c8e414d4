// The doctor finds each hole in sites that were broken on purpose: the guides' own, with a line taken out or put in.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Breakage } from '../support/broken-sites/breakage.ts'
import { CADDY } from '../support/broken-sites/caddy.ts'
import { HAPROXY } from '../support/broken-sites/haproxy.ts'
import { NGINX } from '../support/broken-sites/nginx.ts'
import { type DoctorStage, openDoctorStage, type ProxyName } from '../support/doctor-stage.ts'
import { describeWith } from '../support/requires.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['caddy', 'nginx', 'haproxy'], 'the doctor at sites that were broken', () => {
  let stage: DoctorStage
  beforeAll(async () => {
    stage = await openDoctorStage()
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  const sites: readonly (readonly [ProxyName, readonly Breakage[]])[] = [
    ['caddy', CADDY],
    ['nginx', NGINX],
    ['haproxy', HAPROXY],
  ]
  for (const [proxy, breakages] of sites) {
    for (const { broken, finds, level = 'fault', ...visit } of breakages) {
      test(
        `finds that ${proxy} ${broken}`,
        async () => {
          const { code, findings } = await stage.visit({ proxy, ...visit })
          const [check, says] = finds
          const isIt = (name: string) => (typeof check === 'string' ? name === check : check.test(name))
          const found = findings.find((finding) => isIt(finding.check) && says.test(finding.says))
          expect(found, JSON.stringify(findings, null, 1)).toMatchObject({ level })
          expect(code).toBe(level === 'fault' ? 1 : 0)
          expect(found?.todo?.length).toBeGreaterThan(0)
        },
        PATIENCE_MS,
      )
    }
  }
})
