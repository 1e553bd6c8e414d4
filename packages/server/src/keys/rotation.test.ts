import { expect, test } from 'bun:test'
import { readRevision } from '../store/change-log.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import { change, HOST_ACTOR } from '../store/store.ts'
import { T0 } from '../store/testing/rows.ts'
import { onEveryEngine } from '../store/testing/suite.ts'
import { KeyRing } from './key-ring.ts'
import {
  maintainSigningKeys,
  PUBLISH_LEAD_SECONDS,
  RETIRE_AFTER_SECONDS,
  replaceSigningKeys,
  rotateSigningKey,
} from './rotation.ts'
import { sealWith } from './seal.ts'
import { ensureSigningKey } from './signing-key.ts'

const seal = sealWith(new Uint8Array(32).fill(1), (length) => crypto.getRandomValues(new Uint8Array(length)))
const DAY = 86_400
const days = (count: number, seconds = 0) => new Date(T0.getTime() + (count * DAY + seconds) * 1000)

onEveryEngine('the signing keys', (at) => {
  const maintain = (rotationDays: number | null = 90) =>
    maintainSigningKeys({
      store: at.store,
      seal,
      rotationDays,
      change: async (actor, work) => (await change(at.store, actor, work)).result,
    })
  const keys = () => listSigningKeys(at.reader)
  const kids = async () => (await keys()).map(({ kid }) => kid)
  const signer = async (now: Date) => {
    const stored = await keys()
    const jwt = new KeyRing(() => stored, seal).signJwt('x', {}, now)
    return (JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
  }

  test('are left alone, without a revision, while nothing is due', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    const before = await readRevision(at.reader)
    at.now = days(90, -PUBLISH_LEAD_SECONDS - 1)
    await maintain()
    at.now = days(4000)
    await maintain(null)
    expect(await readRevision(at.reader)).toBe(before)
  })

  test('are published before they sign, and stay published until nothing they signed is alive', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    const [first = ''] = await kids()
    at.now = days(90, -PUBLISH_LEAD_SECONDS)
    await maintain()
    const [second = ''] = await kids()
    expect(await kids()).toEqual([second, first])
    expect(await signer(days(90, -1))).toBe(first)
    expect(await signer(days(90))).toBe(second)

    at.now = days(90, RETIRE_AFTER_SECONDS - 1)
    await maintain()
    expect(await kids()).toEqual([second, first])
    at.now = days(90, RETIRE_AFTER_SECONDS)
    await maintain()
    expect(await kids()).toEqual([second])
    const events = (await at.events()).filter(({ noun }) => noun === 'signing_key').map(({ action }) => action)
    expect(events).toEqual(['signing_key.create', 'signing_key.create', 'signing_key.retire'])
  })

  test('are rotated once, though several find it due at once', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    at.now = days(91)
    await Promise.all([maintain(), maintain(), maintain()])
    expect(await kids()).toHaveLength(2)
  })

  test('that are replaced are all out of use in the change that makes the new one', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    await change(at.store, HOST_ACTOR, (running) => rotateSigningKey(running, seal))
    const leaked = await kids()
    expect(leaked).toHaveLength(2)
    at.now = days(1)
    const before = await readRevision(at.reader)
    const { result: kid } = await change(at.store, HOST_ACTOR, (running) => replaceSigningKeys(running, seal))
    expect(await readRevision(at.reader)).toBe(before + 1)
    expect(await kids()).toEqual([kid])
    expect([await signer(days(1)), leaked.includes(kid)]).toEqual([kid, false])
    const retired = (await at.events()).filter(({ action }) => action === 'signing_key.retire')
    expect(retired.map(({ noun_id }) => noun_id).toSorted()).toEqual(leaked.toSorted())
  })

  test('that wait to sign are what a second rotation answers', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    const rotate = async () => (await change(at.store, HOST_ACTOR, (running) => rotateSigningKey(running, seal))).result
    const { kid, activeFrom } = await rotate()
    expect(activeFrom).toEqual(days(0, PUBLISH_LEAD_SECONDS))
    expect(await rotate()).toMatchObject({ kid, activeFrom })
    expect(await kids()).toHaveLength(2)
  })

  test('stay as they are while a clock is behind: none is made and none retired, though it says so for long', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    at.now = days(90)
    await maintain()
    const before = [await kids(), await readRevision(at.reader)]
    for (const behind of [days(89), days(1), days(-400)]) {
      at.now = behind
      await maintain()
      await maintain(1)
      expect([await kids(), await readRevision(at.reader)]).toEqual(before)
    }
    at.now = days(90, PUBLISH_LEAD_SECONDS + RETIRE_AFTER_SECONDS)
    await maintain()
    expect(await kids()).toEqual((before[0] as string[]).slice(0, 1))
  })

  test('sign with the oldest one while a clock is behind them all', async () => {
    at.now = T0
    await ensureSigningKey(at.store, seal)
    const [first = ''] = await kids()
    await change(at.store, HOST_ACTOR, (running) => rotateSigningKey(running, seal))
    expect(await signer(days(-1))).toBe(first)
  })
})
