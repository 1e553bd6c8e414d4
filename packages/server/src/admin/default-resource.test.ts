// What a token request means that names no resource: a permission that comes later never makes it mean another one.

import { beforeEach, expect, test } from 'bun:test'
import { type StartedApi, startApi, WEBDAV } from './support.test.ts'

let started: StartedApi

beforeEach(async () => {
  started = await startApi()
  for (const name of ['webdav', 'forge', 'wiki']) {
    const at = { name, identifier: `https://${name}.example.com`, hosts: [`${name}.example.com`] }
    await started.ok('POST', '/resources', { body: { ...WEBDAV, ...at } })
  }
  for (const name of ['media', 'builders']) await started.ok('POST', '/groups', { body: { name } })
})

async function give(holder: object, resource: string): Promise<void> {
  started.time.now = new Date(started.time.now.getTime() + 1000)
  await started.ok('POST', '/permissions', { body: { ...holder, resource } })
}

const make = (body: object = {}) => started.ok('POST', '/clients', { body: { id: 'canister', ...body } })
const change = (body: object) => started.ok('PATCH', '/clients/canister', { body })
const own = { client: 'canister' }
const ofMedia = { group: 'media' }
const ofBuilders = { group: 'builders' }

async function defaultResource(): Promise<unknown> {
  return (await started.ok('GET', '/clients/canister')).default_resource
}

test('the first permission of a client chooses it, a later one does not', async () => {
  await make()
  await give(own, 'forge')
  await give(own, 'webdav')
  expect(await defaultResource()).toBe('forge')
})

test('a permission of its own does not take the place of what it has by a group since before', async () => {
  await make({ groups: ['media'] })
  await give(ofMedia, 'webdav')
  expect(await defaultResource()).toBeNull()
  await give(own, 'forge')
  expect(await defaultResource()).toBe('webdav')
})

test('a group that may something since longer does not take the place of what the client means', async () => {
  await give(ofBuilders, 'forge')
  await make({ groups: ['media'] })
  await give(ofMedia, 'webdav')
  await change({ groups: ['media', 'builders'] })
  expect(await defaultResource()).toBe('webdav')
})

test('whoever means nothing yet means what it gets first: by a group nothing is written down', async () => {
  await give(ofMedia, 'webdav')
  await make()
  await change({ groups: ['media'] })
  expect(await defaultResource()).toBeNull()
})

test('a disabled resource and a disabled group mean nothing', async () => {
  await make({ groups: ['media', 'builders'] })
  await give(ofMedia, 'webdav')
  await give(ofBuilders, 'forge')
  await started.ok('PATCH', '/resources/webdav', { body: { disabled: true } })
  await started.ok('PATCH', '/groups/builders', { body: { disabled: true } })
  await give(own, 'wiki')
  expect(await defaultResource()).toBe('wiki')
})

test('who changes the client and says none has none; who says another has that', async () => {
  await make({ groups: ['media'] })
  await give(ofMedia, 'webdav')
  await change({ groups: ['media', 'builders'], default_resource: null })
  expect(await defaultResource()).toBeNull()
  await change({ default_resource: 'forge' })
  await give(own, 'wiki')
  expect(await defaultResource()).toBe('forge')
})

test('one that is gone is followed by what the client is given next', async () => {
  await make({ groups: ['media'] })
  await give(own, 'forge')
  await give(ofMedia, 'webdav')
  await started.ok('DELETE', '/resources/forge')
  await give(own, 'wiki')
  expect(await defaultResource()).toBe('wiki')
})

test('it is in the record of the change that wrote it down', async () => {
  await give(ofBuilders, 'forge')
  await make({ groups: ['media'] })
  await give(ofMedia, 'webdav')
  await change({ groups: ['media', 'builders'] })
  const events = await started.store.reader.selectFrom('audit_event').selectAll().orderBy('id', 'desc').execute()
  const last = events.find(({ action }) => action === 'client.change')
  expect(JSON.parse(String(last?.detail))).toMatchObject({ fields: ['groups', 'default_resource'] })
})
