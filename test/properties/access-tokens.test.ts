// An access token is worth what minted it, narrowed to one resource and to its scopes: never more, and no less, in
// every state of its client, whatever its form.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { bearer, type Line } from '../attacks/vectors/vector.ts'
import { basicOf, startApp, type TestApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { type Key, key, plain, SCOPES, type Scene, scene } from './scenes.ts'
import { build, callApi, OWNER_ID, put, SERVICES, toldOf } from './staging.ts'
import { applyStep, step } from './steps.ts'

type Told = ReturnType<typeof toldOf>

/** A client whose services take credentials where everybody puts them. */
const clientScene: fc.Arbitrary<Scene> = scene.map((one) => ({
  ...one,
  services: one.services.map((service) => ({ ...service, credential_header: null, disabled: false })),
  owner: { kind: 'client', state: 'enabled', member: one.owner.member, swept: 'nothing' },
  keys: [],
}))
const questions = fc.array(plain, { minLength: 6, maxLength: 12, size: 'large' })
const steps = fc.array(step, { minLength: 2, maxLength: 6, size: 'large' })
const FORMATS = ['jwt', 'opaque'] as const

/** Lets the client do everything at every service while `make` runs: what is narrowed to has to be somebody's. */
async function whileItMayAll<T>(app: TestApp, make: () => Promise<T>): Promise<T> {
  const forNow = await Promise.all(
    SERVICES.map((resource) =>
      callApi(app, 'POST', '/permissions', { client: OWNER_ID, resource, scopes: SCOPES, roles: ['for-now'] }),
    ),
  )
  const made = await make()
  for (const { id } of forNow) await callApi(app, 'DELETE', `/permissions/${id}`)
  return made
}

const keyText = async (app: TestApp, narrowing: object) =>
  String((await callApi(app, 'POST', `/clients/${OWNER_ID}/keys`, narrowing)).key)

/** The access token that a secret of this narrowing gets at a service; undefined: it gets none. */
async function tokenText(app: TestApp, secret: string, service: string, format: string, scope?: string) {
  await callApi(app, 'PATCH', `/resources/${service}`, { access_token: { format } })
  const form = { grant_type: 'client_credentials', resource: `https://${service}.test`, ...(scope && { scope }) }
  // From where all of the networks of a scene let it come.
  const { status, body } = await app.oauth('/oauth/token', form, {
    headers: basicOf(OWNER_ID, secret),
    peer: '10.1.2.3',
  })
  return status === 200 ? { text: String(body.access_token), scopes: String(body.scope).split(' ') } : undefined
}

const secretText = async (app: TestApp, narrowing: object) =>
  String((await callApi(app, 'POST', `/clients/${OWNER_ID}/secrets`, narrowing)).secret)

test(
  'a token with all scopes is worth what a key is that is narrowed to its resource and to them',
  async () => {
    let passed = 0
    let refused = 0
    const property = fc.asyncProperty(clientScene, steps, questions, async (scene, steps, questions) => {
      const app = await startApp()
      const present = structuredClone(scene)
      await build(app, present)
      const rows: { service: string; key: Line; tokens: Record<string, Line> }[] = []
      await whileItMayAll(app, async () => {
        const secret = await secretText(app, {})
        for (const service of SERVICES) {
          const tokens: Record<string, Line> = {}
          for (const format of FORMATS) {
            const token = await tokenText(app, secret, service, format)
            expect(token?.scopes).toEqual([...SCOPES].sort())
            tokens[format] = bearer(String(token?.text))
          }
          const narrowed = await keyText(app, { resources: [service], scopes: SCOPES })
          rows.push({ service, key: bearer(narrowed), tokens })
        }
      })
      for (const one of [undefined, ...steps]) {
        if (one !== undefined) await applyStep(app, present, one)
        for (const question of questions) {
          for (const { service, key, tokens } of rows) {
            const byKey = toldOf(await put(app, question, [key]))
            for (const [format, line] of Object.entries(tokens)) {
              const told = toldOf(await put(app, question, [line]))
              expect({ one, question, service, format, told }).toEqual({
                ...{ one, question, service, format },
                told: byKey as never,
              })
            }
            if (byKey === undefined) refused++
            else passed++
          }
        }
      }
      await app.close()
    })
    await fc.assert(property, { numRuns: 12 })
    expect(passed).toBeGreaterThan(20)
    expect(refused).toBeGreaterThan(100)
  },
  PATIENCE_MS,
)

/** Whether `less` is a refusal, or tells of no scope that `more` does not. */
function isWithin(less: Told, more: Told, areScopesCompared: boolean): boolean {
  if (less === undefined) return true
  if (more === undefined) return false
  const [few, all] = [less, more].map((told) => told['remote-scopes']?.split(',') ?? [])
  return !areScopesCompared || (few ?? []).every((scope) => scope === 'none' || all?.includes(scope) === true)
}

test(
  'a token passes only where what minted it would, were it a key, and where its client may: with no more scopes',
  async () => {
    let both = 0
    let kept = 0
    // What confines to a project or a network is too rare otherwise to be met where it matters.
    const narrowing: fc.Arbitrary<Omit<Key, 'state'>> = fc.oneof(
      key.map(({ state: _, ...rest }) => rest),
      fc.record({
        resources: fc.constantFrom<number[]>([0], [1]),
        projects: fc.subarray(['x', 'y'], { minLength: 1, maxLength: 1 }),
      }),
      fc.record({ networks: fc.constant<string[]>(['10.0.0.0/8']) }),
    )
    const asked = fc.subarray(SCOPES, { minLength: 1 })
    const property = fc.asyncProperty(
      ...([clientScene, narrowing, asked, fc.constantFrom(...FORMATS), steps, questions] as const),
      async (scene, { resources, ...narrowing }, asked, format, steps, questions) => {
        const app = await startApp()
        const present = structuredClone(scene)
        await build(app, present)
        const body = { ...narrowing, ...(resources && { resources: resources.map((one) => SERVICES[one]) }) }
        const made = await whileItMayAll(app, async () => {
          const secret = await secretText(app, body)
          const tokens: Line[] = []
          for (const service of SERVICES) {
            const token = await tokenText(app, secret, service, format, asked.join(' '))
            expect(token?.scopes.every((scope) => asked.includes(scope)) ?? true).toBe(true)
            if (token !== undefined) tokens.push(bearer(token.text))
          }
          return { tokens, minter: bearer(await keyText(app, body)), whole: bearer(await keyText(app, {})) }
        })
        // Where any project will do, a service is told what holds in all that are left: of fewer, more may hold.
        const isPlain = !scene.services.some(({ rules }) => rules.some(({ require }) => require?.project === 'any'))
        for (const one of [undefined, ...steps]) {
          if (one !== undefined) await applyStep(app, present, one)
          for (const question of questions) {
            const [minter, whole] = [
              toldOf(await put(app, question, [made.minter])),
              toldOf(await put(app, question, [made.whole])),
            ]
            for (const token of made.tokens) {
              const told = toldOf(await put(app, question, [token]))
              const ok = isWithin(told, minter, isPlain) && isWithin(told, whole, isPlain)
              expect({ one, question, told, minter, whole, ok }).toMatchObject({ ok: true })
              if (told !== undefined) both++
              else if (whole !== undefined) kept++
            }
          }
        }
        await app.close()
      },
    )
    await fc.assert(property, { numRuns: 40 })
    expect(both).toBeGreaterThan(5)
    expect(kept).toBeGreaterThan(5)
  },
  PATIENCE_MS,
)
