// What is live and ends soon, as whoever watches over production asks for it.
import { describe, expect, test } from 'bun:test'
import { DAY_MS, type Json, START, type StartedApi, startApi, withCanister } from './support.test.ts'

const inDays = (days: number) => encodeURIComponent(new Date(START.getTime() + days * DAY_MS).toISOString())

async function stage() {
  const started = await startApi()
  await withCanister(started)
  const key = async (name: string, body: object, owner = 'canister') => {
    // Ids are in the order of their making, to the millisecond.
    started.time.now = new Date(started.time.now.getTime() + 1)
    return (await started.ok('POST', `/clients/${owner}/keys`, { body: { name, ...body } })).id
  }
  return { started, key }
}

/** The names on all pages of so many; each page is asked for by the cursor of the one before. */
async function namesOf({ ok }: StartedApi, query: string, limit = 100): Promise<unknown[]> {
  const found: Json[] = []
  let cursor = ''
  do {
    const page = await ok('GET', `/credentials?${query}&limit=${limit}${cursor}`)
    found.push(...page.items)
    cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`
  } while (cursor !== '')
  return found.map(({ name }) => name)
}

describe('credentials that end before a moment', () => {
  test('are those that end after now and before it, neither bound included', async () => {
    const { started, key } = await stage()
    await key('never', {})
    for (const days of [1, 6, 7, 8]) await key(`${days}`, { expires_in_days: days })
    expect(await namesOf(started, `expires_before=${inDays(7)}`)).toEqual(['1', '6'])
    started.time.now = new Date(START.getTime() + DAY_MS)
    expect(await namesOf(started, `expires_before=${inDays(9)}`)).toEqual(['6', '7', '8'])
    expect(await namesOf(started, `expires_before=${inDays(0)}`)).toEqual([])
  })

  test('and are live leave out the revoked, those of the disabled and those that have not begun', async () => {
    const { started, key } = await stage()
    const { ok } = started
    await ok('POST', '/clients', { body: { id: 'asleep' } })
    const soon = { expires_in_days: 3 }
    await key('live', soon)
    await key('of the disabled', soon, 'asleep')
    await key('to come', { ...soon, not_before: new Date(START.getTime() + DAY_MS).toISOString() })
    const revoked = await key('revoked', soon)
    await ok('POST', `/credentials/${revoked}/revoke`, { body: {} })
    await ok('PATCH', '/clients/asleep', { body: { disabled: true } })
    expect(await namesOf(started, `state=live&expires_before=${inDays(7)}`)).toEqual(['live'])
    expect(await namesOf(started, `state=live&expires_before=${inDays(7)}&owner=client:asleep`)).toEqual([])
    expect(await namesOf(started, `expires_before=${inDays(7)}&kind=pat`)).toEqual([])
  })

  test('come in the order of their making, page by page, each once, whenever they end', async () => {
    const { started, key } = await stage()
    const days = [9, 2, 30, 5, 1, 8, 3, 7, 4]
    for (const [at, count] of days.entries()) await key(`${at}: ${count}`, { expires_in_days: count })
    const expected = days.flatMap((count, at) => (count < 8 ? [`${at}: ${count}`] : []))
    for (const limit of [1, 2, 6, 7, 100]) {
      expect(await namesOf(started, `expires_before=${inDays(8)}`, limit)).toEqual(expected)
      expect(await namesOf(started, `state=live&expires_before=${inDays(8)}`, limit)).toEqual(expected)
    }
  })
})

test('imported ones can be asked for, and left out', async () => {
  const { started, key } = await stage()
  await key('ours', {})
  const credentials = [{ digest: '0'.repeat(64), owner: 'client:canister', name: 'theirs' }]
  await started.ok('POST', '/credentials/import', { body: { prefix: 'glpat-', digest: 'sha256', credentials } })
  expect(await namesOf(started, 'imported=true')).toEqual(['theirs'])
  expect(await namesOf(started, 'imported=false')).toEqual(['ours'])
})
