import { describe, expect, test } from 'bun:test'
import { TooManyWait, Turns } from '@countersign/resource-server'
import { LookUps } from './look-ups.ts'

/** Look-ups whose answers the test gives. */
function setUp(maxInFlight?: number, maxWaiting?: number) {
  const turns = new Turns(maxInFlight, maxWaiting)
  const started: string[] = []
  const asked = new Map<string, PromiseWithResolvers<string>>()
  const lookUps = new LookUps<string>(
    (key) => {
      started.push(key)
      const answer = Promise.withResolvers<string>()
      asked.set(key, answer)
      return answer.promise
    },
    () => turns,
  )
  const settle = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const answer = async (key: string, text = `found ${key}`) => {
    asked.get(key)?.resolve(text)
    await settle()
  }
  const fail = async (key: string) => {
    asked.get(key)?.reject(new Error(`no ${key}`))
    await settle()
  }
  const get = (key: string) => {
    const outcome: { value?: string; error?: unknown } = {}
    lookUps.get(key).then(
      (value) => Object.assign(outcome, { value }),
      (error: unknown) => Object.assign(outcome, { error }),
    )
    return outcome
  }
  return { lookUps, started, answer, fail, get, settle }
}

const keys = (count: number, prefix = 'k') => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

describe('a look-up', () => {
  test('is shared by all who ask for the same key at once', async () => {
    const { started, answer, get } = setUp()
    const outcomes = keys(50).map(() => get('same'))
    await answer('same')
    expect(started).toEqual(['same'])
    expect(outcomes.every(({ value }) => value === 'found same')).toBe(true)
  })

  test('is never shared by two keys', async () => {
    const { started, answer, get } = setUp()
    const [one, other] = [get('ab'), get('abc')]
    await answer('ab')
    await answer('abc')
    expect(started).toEqual(['ab', 'abc'])
    expect([one.value, other.value]).toEqual(['found ab', 'found abc'])
  })

  test('is made anew for whoever asks after it ended', async () => {
    const { started, answer, get } = setUp()
    get('a')
    await answer('a')
    get('a')
    expect(started).toEqual(['a', 'a'])
  })

  test('is made anew after a failure, which everybody who shared it is told', async () => {
    const { started, fail, answer, get } = setUp()
    const [one, other] = [get('a'), get('a')]
    await fail('a')
    expect([one.error, other.error]).toEqual([new Error('no a'), new Error('no a')])
    const again = get('a')
    await answer('a')
    expect(started).toEqual(['a', 'a'])
    expect(again.value).toBe('found a')
  })
})

describe('by default', () => {
  test('8 are in flight and 256 wait; whoever comes then is told that it is too much', async () => {
    const { started, get, settle } = setUp()
    const outcomes = keys(8 + 256).map(get)
    await settle()
    expect(started).toHaveLength(8)
    expect(outcomes.every((outcome) => !('error' in outcome))).toBe(true)

    const late = get('one too many')
    await settle()
    expect(late.error).toBeInstanceOf(TooManyWait)
    expect(started).toHaveLength(8)
  })

  test('whoever asks for a key that is looked up already needs no place', async () => {
    const { get, settle } = setUp()
    for (const key of keys(8 + 256)) get(key)
    const joined = [get('k0'), get('k263')]
    await settle()
    expect(joined.filter((outcome) => 'error' in outcome)).toEqual([])
  })
})

describe('a place', () => {
  test('goes to whoever waits longest', async () => {
    const { started, answer, get } = setUp(2, 10)
    for (const key of keys(5)) get(key)
    await answer('k1')
    await answer('k0')
    expect(started).toEqual(['k0', 'k1', 'k2', 'k3'])
  })

  test('is given on after a failure, too', async () => {
    const { started, fail, get } = setUp(2, 10)
    for (const key of keys(4)) get(key)
    await fail('k0')
    await fail('k1')
    expect(started).toEqual(['k0', 'k1', 'k2', 'k3'])
  })

  test('is not lost, however look-ups end', async () => {
    const { started, answer, fail, get } = setUp(3, 100)
    for (const key of keys(40)) get(key)
    for (const [n, key] of keys(40).entries()) await (n % 2 === 0 ? answer(key) : fail(key))
    const before = started.length
    for (const key of keys(3, 'again')) get(key)
    expect(started.slice(before)).toEqual(['again0', 'again1', 'again2'])
  })

  test('never lets more in than there are, also when one comes as another ends', async () => {
    const { started, lookUps, answer, get } = setUp(1, 10)
    get('a')
    get('b')
    void lookUps.get('a').then(() => get('slips in'))
    await answer('a')
    expect(started).toEqual(['a', 'b'])
    await answer('b')
    expect(started).toEqual(['a', 'b', 'slips in'])
  })

  test('is freed by one that throws instead of rejecting', async () => {
    const turns = new Turns(1, 10)
    const lookUps = new LookUps<string>(
      (key) => {
        if (key === 'bug') throw new TypeError('a bug')
        return Promise.resolve(key)
      },
      () => turns,
    )
    await expect(lookUps.get('bug')).rejects.toThrow('a bug')
    expect(await lookUps.get('fine')).toBe('fine')
  })
})

test('keys that wait elsewhere do not wait for the others, nor lose their place to them', async () => {
  const [ahead, behind] = [new Turns(1, 1), new Turns(1, 1)]
  const answers = new Map<string, PromiseWithResolvers<string>>()
  const lookUps = new LookUps<string>(
    (key) => {
      const answer = Promise.withResolvers<string>()
      answers.set(key, answer)
      return answer.promise
    },
    (key) => (key.startsWith('kept') ? ahead : behind),
  )
  const flood = keys(10, 'guess').map((key) => lookUps.get(key).catch((error: unknown) => error))
  const kept = lookUps.get('kept')
  answers.get('kept')?.resolve('found')
  expect(await kept).toBe('found')
  answers.get('guess0')?.resolve('none')
  await flood[0]
  answers.get('guess1')?.resolve('none')
  expect((await Promise.all(flood)).filter((one) => one instanceof TooManyWait).length).toBe(8)
})
