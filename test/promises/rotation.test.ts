import { afterEach, beforeEach, expect, test } from 'bun:test'
import { retireSigningKey } from '../../packages/server/src/store/signing-keys.ts'
import { change, HOST_ACTOR } from '../../packages/server/src/store/store.ts'
import { databaseOf, openPlace } from '../../packages/server/src/store/testing/engines.ts'
import { tokenFor } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { advance, publishedBy, startNodes, statusOf, tryRotations } from './rotation.ts'

let teardown: Teardown
beforeEach(() => {
  teardown = new Teardown()
})
afterEach(() => teardown.run())

test(
  'no token is lost, on whichever node, however often the key that signs is replaced and retired',
  async () => {
    const { trials, violations, rotations, retirements } = await tryRotations(4)
    expect(violations).toEqual([])
    expect(rotations).toBeGreaterThanOrEqual(3)
    expect(retirements).toBeGreaterThanOrEqual(1)
    expect(trials).toBeGreaterThan(3000)
  },
  2 * PATIENCE_MS,
)

test('a key that is taken out of use early takes along what it signed, known or not, and nothing else', async () => {
  const { first: node, nodes, headers, dataDir } = await startNodes(teardown)
  const [known, unknown] = [await tokenFor(node, headers), await tokenFor(node, headers)]
  const [leaked = ''] = await publishedBy(node)
  await node.api('POST', '/api/v1/signing-keys/rotate')
  advance(nodes, 600)
  const successor = await tokenFor(node, headers)
  expect(await Promise.all([known, successor].map((token) => statusOf(node, token)))).toEqual([200, 200])

  const { databaseUrl } = await databaseOf(dataDir)
  const store = await openPlace(
    { dataDir, databaseUrl, remove: async () => undefined },
    () => node.clock.now,
    (length) => crypto.getRandomValues(new Uint8Array(length)),
  )
  teardown.add(() => store.close())
  await change(store, HOST_ACTOR, async (running) => {
    await retireSigningKey(running, leaked)
    await running.record('signing_key.retire', 'signing_key', leaked)
  })
  for (const each of nodes) {
    await each.tick()
    const statuses = await Promise.all([known, unknown, successor].map((token) => statusOf(each, token)))
    expect(statuses).toEqual([401, 401, 200])
  }
})

test('OPS-19 after an emergency rotation no node that has asked once more believes a token of the old key', async () => {
  const { first: node, nodes, headers } = await startNodes(teardown)
  const tokens = [await tokenFor(node, headers), await tokenFor(node, headers)]
  const [leaked = ''] = await publishedBy(node)
  // Each node knows one of them already, and has never seen the other.
  for (const each of nodes) expect(await statusOf(each, tokens[0] ?? '')).toBe(200)

  const { body } = await node.api('POST', '/api/v1/signing-keys/rotate', { now: true })
  expect(await Promise.all(tokens.map((token) => statusOf(node, token)))).toEqual([401, 401])
  for (const each of nodes) {
    await each.tick()
    expect(await Promise.all(tokens.map((token) => statusOf(each, token)))).toEqual([401, 401])
    expect(await publishedBy(each)).toEqual([String(body.kid)])
    expect(await publishedBy(each)).not.toContain(leaked)
    expect(await statusOf(each, await tokenFor(each, headers))).toBe(200)
  }
})
