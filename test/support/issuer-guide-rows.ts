// Tests of a guide to an issuer, by rows: who is let in by what it declares, and who is not, and why.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { declaredIn, type GuideScene, openGuide, type Platform } from './issuer-guide.ts'

export type Words = Readonly<Record<string, unknown>>
/** What is called, by a token of which platform, with which other claims and header; and what comes of it. */
export type Row = readonly [
  claim: string,
  call: string,
  token: readonly [Platform, claims?: Words, header?: Words],
  outcome: string | readonly [status: number, code: string, claim?: string],
]

export const FOREIGN = [401, 'credential_foreign'] as const
export const AUDIENCE = [401, 'audience_refused'] as const
export const REFUSED = [401, 'external_token_refused'] as const
export const PERMISSION = [403, 'permission_missing'] as const
export const SCOPE = [403, 'scope_missing'] as const
export const missed = (claim: string) => [401, 'trust_rule_missing', claim] as const

/** What the guide declares, made in a real app, and each row of what comes of a token. `more` adds tests of its own. */
export function guide(
  name: string,
  rows: readonly Row[],
  more: (scene: () => GuideScene) => void = () => undefined,
): void {
  describe(`the guide to ${name}`, () => {
    let scene: GuideScene
    beforeAll(async () => {
      scene = await openGuide(declaredIn(`${name}.md`))
    })
    afterAll(() => scene.close())

    for (const [claim, call, token, outcome] of rows) {
      test(claim, async () => {
        const [method, path] = call.split(' ')
        expect(await scene.call(scene.token(...token), method, path)).toMatchObject(expected(outcome))
      })
    }
    more(() => scene)
  })
}

function expected(outcome: Row[3]): Words {
  if (typeof outcome === 'string') return { user: outcome }
  const [status, code, claim] = outcome
  return { status, code, ...(claim !== undefined && { claim }) }
}
