// Whatever a person shows that narrows nothing is worth the same: what they themselves may, in every state of theirs.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { basic, bearer, type Line } from '../attacks/vectors/vector.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { passage } from './reference.ts'
import { plain, SCOPES, type Scene } from './scenes.ts'
import { build, callApi, OWNER_ID, put, SERVICES, toldOf } from './staging.ts'
import { applyStep, personsScene, step } from './steps.ts'

/** What somebody shows, made for them when the scene is set. */
type Column = (app: TestApp) => Promise<Line>

const token = async (app: TestApp, narrowing: object = {}) => {
  const { id, token } = await callApi(app, 'POST', `/users/${OWNER_ID}/tokens`, narrowing)
  return { id: String(id), text: String(token) }
}
/** The ways in which somebody may come, each with all that they may. A session of theirs is one more. */
const COLUMNS: Readonly<Record<string, Column>> = {
  'a personal access token': async (app) => bearer((await token(app)).text),
  'one as a password': async (app) => basic(`anybody:${(await token(app)).text}`),
  'one that replaces another': async (app) => {
    const { id } = await token(app)
    return bearer(String((await callApi(app, 'POST', `/credentials/${id}/rotate`, {})).token))
  },
  'one that is narrowed to all there is': async (app) =>
    bearer((await token(app, { resources: SERVICES, scopes: SCOPES })).text),
}

test(
  'what narrows nothing gives what its owner has: at every rule, in every state of the owner',
  async () => {
    let passed = 0
    let refused = 0
    const questions = fc.array(plain, { minLength: 6, maxLength: 12, size: 'large' })
    const steps = fc.array(step, { minLength: 2, maxLength: 6, size: 'large' })
    const property = fc.asyncProperty(personsScene, steps, questions, async (scene, steps, questions) => {
      const app = await startApp()
      // Everything that was narrowed to may be declared: each scope is somebody's.
      const present = structuredClone(scene)
      await build(app, present)
      const forNow = await Promise.all(
        SERVICES.map((resource) =>
          callApi(app, 'POST', '/permissions', { user: OWNER_ID, resource, scopes: SCOPES, roles: ['for-now'] }),
        ),
      )
      const lines = new Map<string, Line>()
      for (const [name, column] of Object.entries(COLUMNS)) lines.set(name, await column(app))
      for (const { id } of forNow) await callApi(app, 'DELETE', `/permissions/${id}`)

      for (const one of [undefined, ...steps]) {
        if (one !== undefined) await applyStep(app, present, one)
        for (const question of questions) {
          const owners = passage(withOnlyKey(present), { ...question, placements: [{ at: 'bearer', shown: 'a' }] })
          let first: object | undefined
          for (const [name, line] of lines) {
            const told = toldOf(await put(app, question, [line]))
            const got = told && { scopes: told['remote-scopes'] }
            const expected = owners && { scopes: [...owners.scopes].sort().join(',') || 'none' }
            expect({ name, one, question, got }).toEqual({ name, one, question, got: expected })
            first ??= told
            expect({ name, told }).toEqual({ name, told: first as never })
            if (told === undefined) refused++
            else passed++
          }
        }
      }
      await app.close()
    })
    await fc.assert(property, { numRuns: 15 })
    expect(passed).toBeGreaterThan(40)
    expect(refused).toBeGreaterThan(100)
  },
  PATIENCE_MS,
)

/** The owner as they are, by a credential of which nothing is to be said. */
function withOnlyKey(scene: Scene): Scene {
  return { ...scene, keys: [{ state: 'live' }] }
}
