import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Found } from './jwk-set.ts'
import { type RemoteKeysOptions, remoteKeys } from './remote-keys.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

async function jwkOf(kid: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ES256')
  return { ...(await exportJWK(publicKey)), kid }
}
const [a, b, a2] = (await Promise.all(['a', 'b', 'a'].map(jwkOf))) as [JWK, JWK, JWK]

/** A real server whose answer each test writes; it counts what it is asked. */
const source = {
  answer: (): Response | Promise<Response> => Response.json({ keys: [a] }),
  asked: [] as { readonly url: string; readonly accept: string | null }[],
  show(...keys: unknown[]) {
    this.answer = () => Response.json({ keys })
  },
  fail() {
    this.answer = () => new Response('secret of the source', { status: 503 })
  },
}
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request) {
    source.asked.push({ url: request.url, accept: request.headers.get('accept') })
    return source.answer()
  },
})
const uri = `http://127.0.0.1:${server.port}/jwks`
afterAll(() => server.stop(true))

let clockMs = 0
let changes: unknown[] = []
let logged: { message: string; because?: unknown; [detail: string]: unknown }[] = []
beforeEach(() => {
  clockMs = Date.parse('2030-01-01T00:00:00Z')
  source.asked = []
  source.show(a)
  changes = []
  logged = []
})

function keysOf(options: Partial<RemoteKeysOptions> = {}) {
  return remoteKeys({
    uri,
    fetch,
    algorithms: ['ES256'],
    now: () => new Date(clockMs),
    onChange: (kids) => changes.push(kids),
    log: (message, details) => logged.push({ message, ...details }),
    ...options,
  })
}
const isKey = (found: Found | Promise<Found>) => found instanceof CryptoKey
/** What comes of the fetch that runs beside a request. */
async function settle(times: number) {
  while (source.asked.length < times) await Bun.sleep(1)
  await Bun.sleep(5)
}

describe('keys that are known', () => {
  test('are fetched once, when first asked for, by all who ask at once', async () => {
    const keys = keysOf()
    expect(source.asked).toHaveLength(0)
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('a', 'ES256')))
    expect(found.every(isKey)).toBe(true)
    expect(new Set(found).size).toBe(1)
    expect(isKey(keys.find('a', 'ES256'))).toBe(true)
    expect(source.asked).toHaveLength(1)
    expect(source.asked[0]?.accept).toContain('application/jwk-set+json')
  })

  test('are fetched again beside a request before they are 10 minutes old', async () => {
    const keys = keysOf()
    const first = await keys.find('a', 'ES256')
    clockMs += 7 * MINUTE
    expect(keys.find('a', 'ES256')).toBe(first)
    expect(source.asked).toHaveLength(1)
    clockMs += 2 * MINUTE
    expect(keys.find('a', 'ES256')).toBe(first)
    await settle(2)
    clockMs += 7 * MINUTE
    expect(keys.find('a', 'ES256')).toBe(first)
    expect(source.asked).toHaveLength(2)
    expect(changes).toEqual([])
  })

  test('that the source removed are not found from 10 minutes on, and that is told', async () => {
    const keys = keysOf()
    source.show(a, b)
    await keys.find('a', 'ES256')
    source.show(b)
    clockMs += 10 * MINUTE
    expect(await keys.find('a', 'ES256')).toBe('unknown')
    expect(changes).toEqual([['a']])
    expect(isKey(keys.find('b', 'ES256'))).toBe(true)
  })

  test('that the source replaced under their kid are another object, and that is told', async () => {
    const keys = keysOf()
    const first = await keys.find('a', 'ES256')
    source.show(a2)
    clockMs += 10 * MINUTE
    const second = await keys.find('a', 'ES256')
    expect(isKey(second)).toBe(true)
    expect(second).not.toBe(first)
    expect(changes).toEqual([['a']])
  })

  test('are not believed longer because the clock was set back', async () => {
    const keys = keysOf()
    await keys.find('a', 'ES256')
    source.show(b)
    clockMs -= HOUR
    expect(await keys.find('a', 'ES256')).toBe('unknown')
  })

  test('are still found when whoever hears of changes fails', async () => {
    const keys = keysOf({
      onChange: () => {
        throw new Error('deaf')
      },
    })
    await keys.find('a', 'ES256')
    source.show(b)
    clockMs += 10 * MINUTE
    expect(await keys.find('a', 'ES256')).toBe('unknown')
    expect(isKey(keys.find('b', 'ES256'))).toBe(true)
    expect(logged.map(({ message }) => message)).toEqual(['the change of a key set was not heard'])
  })
})

describe('a kid that is not known', () => {
  test('is found when the source adds it, at the latest 30 seconds later', async () => {
    const keys = keysOf()
    await keys.find('a', 'ES256')
    source.show(a, b)
    clockMs += 29 * SECOND
    expect(keys.find('b', 'ES256')).toBe('unknown')
    clockMs += 1 * SECOND
    expect(isKey(await keys.find('b', 'ES256'))).toBe(true)
    expect(source.asked).toHaveLength(2)
    expect(changes).toEqual([])
  })

  test('makes one fetch in 30 seconds, however many there are, and known keys do not wait for it', async () => {
    const keys = keysOf()
    await keys.find('a', 'ES256')
    let release = () => {}
    source.answer = () =>
      new Promise((resolve) => {
        release = () => resolve(Response.json({ keys: [a] }))
      })
    clockMs += 30 * SECOND
    const flood = Array.from({ length: 10_000 }, (_, at) => keys.find(`x${at}`, 'ES256'))
    expect(isKey(keys.find('a', 'ES256'))).toBe(true)
    await settle(2)
    release()
    const answers = await Promise.all(flood)
    expect(new Set(answers.slice(0, 256))).toEqual(new Set(['unknown']))
    expect(new Set(answers.slice(256))).toEqual(new Set(['unavailable']))
    for (let at = 0; at < 10_000; at++) {
      clockMs += 2
      expect(keys.find(`y${at}`, 'ES256')).toBe('unknown')
    }
    expect(source.asked).toHaveLength(2)
    source.show(a)
    clockMs += 10 * SECOND
    expect(await keys.find('z', 'ES256')).toBe('unknown')
    expect(source.asked).toHaveLength(3)
  })

  test('lets 256 wait for an answer, and tells others at once that there is none', async () => {
    const keys = keysOf()
    const answer = Promise.withResolvers<Response>()
    source.answer = () => answer.promise
    const waiting = Array.from({ length: 256 }, () => keys.find('a', 'ES256'))
    expect(waiting.every((found) => found instanceof Promise)).toBe(true)
    expect(keys.find('a', 'ES256')).toBe('unavailable')
    answer.resolve(Response.json({ keys: [a] }))
    expect((await Promise.all(waiting)).every(isKey)).toBe(true)
    clockMs += 30 * SECOND
    expect(keys.find('b', 'ES256')).toBeInstanceOf(Promise)
  })

  test('does not ask more often because the clock was set back', async () => {
    let runsMs = 0
    const keys = keysOf({ monotonicMs: () => runsMs })
    await keys.find('a', 'ES256')
    clockMs -= HOUR
    await keys.find('x', 'ES256')
    for (let at = 0; at < 1000; at++) {
      clockMs -= SECOND
      runsMs += 1
      await keys.find(`x${at}`, 'ES256')
    }
    expect(source.asked.length).toBeLessThanOrEqual(3)
  })

  test('is looked for without a kid, too, only where one key fits', async () => {
    source.show(a, b)
    const keys = keysOf()
    expect(await keys.find(undefined, 'ES256')).toBe('unknown')
    source.show(a)
    clockMs += 30 * SECOND
    expect(isKey(await keys.find(undefined, 'ES256'))).toBe(true)
  })
})

describe('while the source is out', () => {
  const troubles: [what: string, answer: () => Response | Promise<Response>, because: string][] = [
    ['500', () => new Response('x', { status: 500 }), 'it answered 500'],
    ['404', () => Response.json({ keys: [b] }, { status: 404 }), 'it answered 404'],
    ['201', () => Response.json({ keys: [b] }, { status: 201 }), 'it answered 201'],
    ['204', () => new Response(null, { status: 204 }), 'it answered 204'],
    ['a redirect to itself', () => Response.redirect(`${uri}?again`, 302), 'it redirects'],
    ['a redirect elsewhere', () => Response.redirect('http://169.254.169.254/', 307), 'it redirects'],
    ['no answer', () => new Promise(() => {}), 'it took longer than 40 ms'],
    [
      'a body that does not end',
      () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
      'it took longer than 40 ms',
    ],
    ['no JSON', () => new Response('<html>'), 'its answer is not a JSON object'],
    ['another JSON', () => Response.json([b]), 'its answer is not a JSON object'],
    ['no keys', () => Response.json({ error: 'x' }), 'its answer is not a JSON object'],
    ['keys twice', () => new Response(`{"keys":[],"keys":[${JSON.stringify(b)}]}`), 'its answer is not a JSON object'],
    ['101 keys', () => Response.json({ keys: new Array(101).fill(b) }), 'its answer is not a JSON object'],
    ['nothing', () => new Response(''), 'its answer is not a JSON object'],
    ['more than 1 MB', () => Response.json({ keys: [b], x: 'x'.repeat(1_000_000) }), 'longer than 1 MB'],
  ]
  test.each(troubles)('%s: known keys are found, others cannot be told, the reason is logged', async (...row) => {
    const [, answer, because] = row
    const keys = keysOf({ timeoutMs: 40 })
    const first = await keys.find('a', 'ES256')
    source.answer = answer
    clockMs += 11 * MINUTE
    expect(await keys.find('b', 'ES256')).toBe('unavailable')
    expect(source.asked).toHaveLength(2)
    expect(keys.find('a', 'ES256')).toBe(first)
    expect(logged).toMatchObject([{ message: 'a key set could not be fetched', uri, failures: 1, keeps: 1 }])
    expect(logged[0]?.because).toContain(because)

    source.show(b)
    clockMs += 2 * SECOND
    expect(isKey(await keys.find('b', 'ES256'))).toBe(true)
    expect(await keys.find('a', 'ES256')).toBe('unknown')
  })

  test('nothing listens there', async () => {
    const closed = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const gone = `http://127.0.0.1:${closed.port}/`
    await closed.stop(true)
    expect(await keysOf({ uri: gone }).find('a', 'ES256')).toBe('unavailable')
    expect(logged[0]?.because).toStartWith('it could not be asked: ')
  })

  test('a fetch that throws, or does not heed its signal, is a value all the same', async () => {
    const throwing = keysOf({
      fetch: () => {
        throw new Error('refused: 10.0.0.1 is private')
      },
    })
    expect(await throwing.find('a', 'ES256')).toBe('unavailable')
    expect(logged[0]?.because).toBe('it could not be asked: refused: 10.0.0.1 is private')
    const deaf = keysOf({ fetch: () => new Promise(() => {}), timeoutMs: 10 })
    expect(await deaf.find('a', 'ES256')).toBe('unavailable')
  })

  test('a body of 100 MB is not read much further than 1 MB', async () => {
    let sent = 0
    let isCancelled = false
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 65_536
          if (sent > 100_000_000) controller.close()
          else controller.enqueue(new Uint8Array(65_536).fill(0x20))
        },
        cancel() {
          isCancelled = true
        },
      })
    const keys = keysOf({ fetch: async () => new Response(body()) })
    expect(await keys.find('a', 'ES256')).toBe('unavailable')
    expect(logged[0]?.because).toBe('its answer is longer than 1 MB')
    expect(sent).toBeLessThan(1_500_000)
    expect(isCancelled).toBe(true)
  })

  test('it is asked after 1 second, then 2, 4, up to 60, whoever asks', async () => {
    source.fail()
    const keys = keysOf()
    const askedAt: number[] = []
    const began = clockMs
    for (let at = 0; at < 4 * 300; at++) {
      const before = source.asked.length
      const found = [keys.find('a', 'ES256'), keys.find(`x${at}`, 'ES256')]
      expect(await Promise.all(found)).toEqual(['unavailable', 'unavailable'])
      if (source.asked.length > before) askedAt.push((clockMs - began) / SECOND)
      clockMs += 250
    }
    expect(askedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
  })

  test('chance makes the pauses up to a quarter longer', async () => {
    source.fail()
    const keys = keysOf({ random: () => 1 })
    await keys.find('a', 'ES256')
    clockMs += 1240
    expect(keys.find('a', 'ES256')).toBe('unavailable')
    clockMs += 10
    expect(keys.find('a', 'ES256')).toBeInstanceOf(Promise)
  })

  test('requests with known keys do not wait for it', async () => {
    const keys = keysOf({ timeoutMs: 10 })
    const first = await keys.find('a', 'ES256')
    source.answer = () => new Promise(() => {})
    clockMs += 10 * MINUTE
    expect(await keys.find('a', 'ES256')).toBe(first)
    for (let at = 0; at < 100; at++) {
      clockMs += 10 * SECOND
      expect(keys.find('a', 'ES256')).toBe(first)
      await Bun.sleep(at % 10 === 0 ? 12 : 0)
    }
    expect(source.asked.length).toBeGreaterThan(5)
  })

  test('keys are believed for 24 hours, then none, and that is told', async () => {
    const keys = keysOf()
    const first = await keys.find('a', 'ES256')
    source.fail()
    clockMs += 24 * HOUR - 1
    expect(await keys.find('a', 'ES256')).toBe(first)
    clockMs += 1
    expect(await keys.find('a', 'ES256')).toBe('unavailable')
    expect(changes).toEqual([['a']])
  })

  test('an outage that is long over keeps no removed key alive', async () => {
    const keys = keysOf()
    await keys.find('a', 'ES256')
    source.fail()
    clockMs += 10 * MINUTE
    await keys.find('a', 'ES256')
    source.show(b)
    clockMs += HOUR
    const asked = [keys.find('a', 'ES256'), keys.find('a', 'ES256')]
    expect(await Promise.all(asked)).toEqual(['unknown', 'unknown'])
  })

  test('nothing that it sent is logged', async () => {
    source.fail()
    await keysOf().find('a', 'ES256')
    source.answer = () => new Response('secret of the source')
    await keysOf().find('a', 'ES256')
    expect(logged).toHaveLength(2)
    expect(JSON.stringify(logged)).not.toContain('secret of')
  })
})

test('bad keys of a set are told, and the others found', async () => {
  source.show({ ...a, d: 'AAAA' }, { kty: 'oct', k: 'AAAA', kid: 'o' }, b)
  const keys = keysOf()
  expect(await keys.find('a', 'ES256')).toBe('unknown')
  expect(isKey(keys.find('b', 'ES256'))).toBe(true)
  expect(keys.find('o', 'HS256')).toBe('unknown')
  expect(logged).toEqual([
    { message: 'a key of a key set is refused', uri, at: 0, kid: 'a', because: 'its private part is published' },
  ])
})

test('it works on Node, with the fetch of Node', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'remote-keys-'))
  try {
    const built = await Bun.build({ entrypoints: [join(import.meta.dir, 'remote-keys.ts')], target: 'node' })
    writeFileSync(join(folder, 'remote-keys.mjs'), await (built.outputs[0] as Blob).text())
    writeFileSync(
      join(folder, 'ask.mjs'),
      `import { remoteKeys } from './remote-keys.mjs'
       const keysAt = (uri) => remoteKeys({ uri, fetch, algorithms: ['ES256'], now: () => new Date(), timeoutMs: 500 })
       const keys = keysAt(process.argv[2])
       const found = [await keys.find('a', 'ES256'), keys.find('a', 'ES256'), await keys.find('off', 'ES256')]
       const moved = await keysAt(process.argv[2] + '?moved').find('a', 'ES256')
       console.log(JSON.stringify([...found.map((one) => one.constructor.name), moved]))`,
    )
    source.show(a, { ...b, y: b.x, kid: 'off' })
    const show = source.answer
    source.answer = () =>
      source.asked.at(-1)?.url.endsWith('?moved') === true ? Response.redirect(uri, 302) : show.call(source)
    const node = Bun.spawn(['node', join(folder, 'ask.mjs'), uri], { stdout: 'pipe', stderr: 'pipe' })
    const [out, errors] = await Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()])
    expect(errors).toBe('')
    expect(JSON.parse(out)).toEqual(['CryptoKey', 'CryptoKey', 'String', 'unavailable'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
