// Less is never more: what narrows a credential, and what is taken from its owner, lets nothing pass that did not pass
// before; what is given back gives exactly what there was.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { bearer } from '../attacks/vectors/vector.ts'
import { startApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { type Key, key, plain, type Scene } from './scenes.ts'
import { build, put, toldOf, type Wallet } from './staging.ts'
import { applyStep, personsScene, type Step } from './steps.ts'

type Told = ReturnType<typeof toldOf>

const questions = fc.array(plain, { minLength: 8, maxLength: 16, size: 'large' })
const live = key.map((one): Key => ({ ...one, state: 'live' }))

/**
 * Where any project will do, a service is told what holds in all of those that are left: of fewer, more may hold. So
 * some scenes have no such rule, and there what is told is compared too.
 */
const someScene = fc.tuple(personsScene, fc.boolean()).map(([scene, hasAny]) => (hasAny ? scene : withoutAny(scene)))
function withoutAny(scene: Scene): Scene {
  const services = scene.services.map((service) => ({
    ...service,
    rules: service.rules.map(({ require: { project: _, ...require } = {}, ...rule }) => ({ ...rule, require })),
  }))
  return { ...scene, services }
}
const hasAny = ({ services }: Scene) =>
  services.some(({ rules }) => rules.some((rule) => rule.require?.project === 'any'))

const LISTS = ['remote-scopes', 'remote-roles', 'remote-groups'] as const
/** Whether `less` is a refusal, or tells of nothing that `more` does not. */
function isWithin(less: Told, more: Told, compared: boolean): boolean {
  if (less === undefined) return true
  if (more === undefined) return false
  const isTold = (name: (typeof LISTS)[number]) => {
    const whole = more[name]?.split(',') ?? []
    return (less[name]?.split(',') ?? []).every((member) => member === 'none' || whole.includes(member))
  }
  return !compared || LISTS.every(isTold)
}

const showing = (wallet: Wallet, name: string) => [bearer(wallet.get(name)?.key ?? '')] as const

test(
  'a narrowed token passes only where one passes that is not narrowed, with no more rights',
  async () => {
    let both = 0
    let kept = 0
    const property = fc.asyncProperty(someScene, live, live, questions, async (scene, one, other, questions) => {
      const app = await startApp()
      const wallet = await build(app, { ...scene, keys: [{ state: 'live' }, one, other] })
      for (const question of questions) {
        const whole = toldOf(await put(app, question, showing(wallet, 'a')))
        for (const name of ['b', 'c']) {
          const narrowed = toldOf(await put(app, question, showing(wallet, name)))
          expect({ question, narrowed, whole, ok: isWithin(narrowed, whole, !hasAny(scene)) }).toMatchObject({
            ok: true,
          })
          if (narrowed !== undefined) both++
          else if (whole !== undefined) kept++
        }
      }
      await app.close()
    })
    await fc.assert(property, { numRuns: 25 })
    expect(both).toBeGreaterThan(5)
    expect(kept).toBeGreaterThan(5)
  },
  PATIENCE_MS,
)

/** Each takes something; done to a scene that lacks it already, nothing. */
const taking: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ set: 'state', to: 'disabled' }),
  fc.constant<Step>({ set: 'member', to: false }),
  fc.constant<Step>({ set: 'group', to: 'disabled' }),
  fc.record({ take: fc.nat(9) }),
  fc.record({ strip: fc.nat(9) }),
)

test(
  'taking a group, a permission, roles or the owner away never gives more, and giving it back restores what there was',
  async () => {
    let passed = 0
    let lost = 0
    const steps = fc.array(fc.record({ step: taking, comesBack: fc.boolean() }), { minLength: 2, maxLength: 4 })
    const property = fc.asyncProperty(someScene, live, steps, questions, async (scene, narrow, steps, questions) => {
      const app = await startApp()
      const present = structuredClone({ ...scene, keys: [{ state: 'live' } as Key, narrow] })
      const wallet = await build(app, present)
      const ask = async (): Promise<Told[]> => {
        const answers: Told[] = []
        for (const question of questions) {
          for (const name of ['a', 'b']) answers.push(toldOf(await put(app, question, showing(wallet, name))))
        }
        return answers
      }
      let before = await ask()
      for (const { step, comesBack } of steps) {
        const undo = await applyStep(app, present, step)
        const after = await ask()
        for (const [at, less] of after.entries()) {
          const more = before[at]
          expect({ step, less, more, ok: isWithin(less, more, !hasAny(scene)) }).toMatchObject({ ok: true })
          if (less !== undefined) passed++
          else if (more !== undefined) lost++
        }
        if (comesBack) {
          await undo?.()
          expect(await ask()).toEqual(before)
        } else {
          before = after
        }
      }
      await app.close()
    })
    await fc.assert(property, { numRuns: 20 })
    expect(passed).toBeGreaterThan(20)
    expect(lost).toBeGreaterThan(2)
  },
  PATIENCE_MS,
)
