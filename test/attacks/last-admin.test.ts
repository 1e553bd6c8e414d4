// The last person with role admin stays: by whatever way they are taken it, and when two are taken it at once.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chosenEngine, databaseOf, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const ROUNDS = 4
const ADMIN = { resource: 'countersign', roles: ['admin'] }

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.close())

type Call = readonly [method: string, path: string, body?: object]
/** Makes an admin of this name; says by which call they would no longer be one. */
type Way = (stage: Stage, name: string) => Promise<Call>

const byThemselves = async (stage: Stage, username: string) => {
  await stage.make('/users', { username, roles: ['admin'] })
}
const byGroup = async (stage: Stage, username: string, group = `admins-of-${username}`): Promise<string> => {
  await stage.make('/groups', { name: group })
  const { id } = await stage.make('/permissions', { group, ...ADMIN })
  await stage.make('/users', { username, roles: [], groups: [group] })
  return String(id)
}
const ofTheirs =
  (call: (name: string) => Call): Way =>
  async (stage, name) => {
    await byThemselves(stage, name)
    return call(name)
  }
const ofTheirGroup =
  (call: (name: string, permission: string) => Call): Way =>
  async (stage, name) =>
    call(name, await byGroup(stage, name))

const WAYS: Readonly<Record<string, Way>> = {
  'by deleting them': ofTheirs((name) => ['DELETE', `/users/${name}`]),
  'by disabling them': ofTheirs((name) => ['PATCH', `/users/${name}`, { disabled: true }]),
  'by taking the role': ofTheirs((name) => ['PATCH', `/users/${name}`, { roles: [] }]),
  'by another role in its place': ofTheirs((name) => ['PATCH', `/users/${name}`, { roles: ['auditor', 'user'] }]),
  'by taking the permission that is the role': async (stage, name) => {
    await byThemselves(stage, name)
    const { items } = await stage.call('GET', `/permissions?user=${name}&resource=countersign`)
    return ['DELETE', `/permissions/${(items as { id: string }[])[0]?.id}`]
  },
  'by taking them out of their group': ofTheirGroup((name) => ['PATCH', `/users/${name}`, { groups: [] }]),
  'by deleting their group': ofTheirGroup((name) => ['DELETE', `/groups/admins-of-${name}`]),
  'by disabling their group': ofTheirGroup((name) => ['PATCH', `/groups/admins-of-${name}`, { disabled: true }]),
  'by taking the permission of their group': ofTheirGroup((_, permission) => ['DELETE', `/permissions/${permission}`]),
}

/** Enabled people with role admin now, as the directory that decisions read has it. */
async function adminsLeft(stage: Stage): Promise<string[]> {
  const { items } = (await stage.call('GET', '/users?limit=100')) as {
    items: { username: string; roles: string[]; groups: string[]; disabled: boolean }[]
  }
  const { directory } = stage.test.app.edge.verify
  return items.flatMap(({ username, roles, groups, disabled }) => {
    const given = groups.filter(
      (group) =>
        directory.hasLiveGroup(group) &&
        directory.permissionsOf({ kind: 'group', id: group }, 'countersign').some((one) => one.roles.includes('admin')),
    )
    return !disabled && (roles.includes('admin') || given.length > 0) ? [username] : []
  })
}
const outcome = async ([method, path, body]: Call, key?: string, node: TestApp = stage.test) => {
  const answer = await node.api(method, `/api/v1${path}`, body, key)
  return answer.status < 300 ? 'done' : `${answer.status} ${answer.body.code}`
}

describe('the last admin', () => {
  for (const [how, way] of Object.entries(WAYS)) {
    test(`ADM-07 is not lost ${how}, though clients with the role are left`, async () => {
      const call = await way(stage, 'last')
      expect(await outcome(call)).toBe('409 conflict')
      expect(await adminsLeft(stage)).toEqual(['last'])
      await byThemselves(stage, 'other')
      expect(await outcome(call)).toBe('done')
      expect(await adminsLeft(stage)).toEqual(['other'])
    })
  }

  test('ADM-07 is not lost to one who is disabled, or in a group that is', async () => {
    const call = await (WAYS['by deleting them'] as Way)(stage, 'last')
    await stage.make('/users', { username: 'sleeper', roles: ['admin'], disabled: true })
    await byGroup(stage, 'member')
    await stage.call('PATCH', '/groups/admins-of-member', { disabled: true })
    expect(await outcome(call)).toBe('409 conflict')
    await stage.call('PATCH', '/groups/admins-of-member', { disabled: false })
    expect(await outcome(call)).toBe('done')
  })

  test('ADM-07 does not lose the role by their own hand', async () => {
    await byThemselves(stage, 'last')
    const { token } = await stage.newToken('last', { resources: ['countersign'] })
    for (const body of [{ roles: ['user'] }, { disabled: true }]) {
      expect(await outcome(['PATCH', '/users/last', body], token)).toBe('409 conflict')
    }
    expect(await outcome(['DELETE', '/users/last'], token)).toBe('409 conflict')
  })

  test('ADM-07 of several in one group, all go with it: the group stays', async () => {
    await byGroup(stage, 'one', 'admins')
    await stage.make('/users', { username: 'two', roles: [], groups: ['admins'] })
    for (const call of [
      ['DELETE', '/groups/admins'],
      ['PATCH', '/groups/admins', { disabled: true }],
    ] as Call[]) {
      expect(await outcome(call)).toBe('409 conflict')
    }
    expect(await outcome(['PATCH', '/users/one', { groups: [] }])).toBe('done')
    expect(await outcome(['PATCH', '/users/two', { groups: [] }])).toBe('409 conflict')
  })

  test('ADM-07 nobody is kept from revoking what the last admin has', async () => {
    await byThemselves(stage, 'last')
    const { token } = await stage.newToken('last', { resources: ['countersign'] })
    await stage.call('POST', '/users/last/revoke-credentials', {})
    expect((await stage.send('GET', '/me', [bearer(token)])).status).toBe(401)
  })
})

describe('the last two admins', () => {
  const names = Object.keys(WAYS)
  for (const [index, one] of names.entries()) {
    test(`ADM-07 ${one} and in every other way at once: exactly one of them stays, each time`, async () => {
      let round = 0
      const keep = 'keeper'
      await byThemselves(stage, keep)
      for (const other of [...names.slice(index), ...Array.from({ length: ROUNDS }, () => one)]) {
        round++
        const calls: Call[] = []
        for (const [at, how] of [one, other].entries()) calls.push(await (WAYS[how] as Way)(stage, `a${round}-${at}`))
        await stage.call('DELETE', `/users/${keep}`).catch(() => undefined)
        for (const left of await adminsLeft(stage)) {
          if (!left.startsWith(`a${round}-`)) await stage.call('DELETE', `/users/${left}`)
        }
        expect((await adminsLeft(stage)).length).toBe(2)
        const outcomes = await Promise.all(calls.map((call) => outcome(call)))
        expect([other, ...outcomes.toSorted()]).toEqual([other, '409 conflict', 'done'])
        expect((await adminsLeft(stage)).length).toBe(1)
      }
    })
  }

  test('ADM-07 who disable each other, each with a token of their own, do not both succeed', async () => {
    await byThemselves(stage, 'keeper')
    for (let round = 0; round < ROUNDS; round++) {
      const pair = [`x${round}`, `y${round}`]
      const tokens: string[] = []
      for (const name of pair) {
        await byThemselves(stage, name)
        tokens.push((await stage.newToken(name, { resources: ['countersign'] })).token)
      }
      for (const left of await adminsLeft(stage)) {
        if (!pair.includes(left)) await stage.call('DELETE', `/users/${left}`)
      }
      const calls = pair.map((_, at) => ['PATCH', `/users/${pair[1 - at]}`, { disabled: true }] as const)
      const outcomes = await Promise.all(calls.map((call, at) => outcome(call, tokens[at])))
      expect(outcomes.filter((one) => one === 'done').length).toBe(1)
      expect(outcomes.filter((one) => one === '409 conflict' || one === '401 invalid_token').length).toBe(1)
      expect((await adminsLeft(stage)).length).toBe(1)
    }
  })
})

// Where several nodes can share a database, each change is made at another one; else both at the one there is.
test(
  'ADM-07 two nodes do not take it from the last two',
  async () => {
    const teardown = new Teardown()
    const directory = await teardown.temporaryDirectory('nodes')
    await stage.close()
    stage = await Stage.open({ COUNTERSIGN_DATA_DIR: directory })
    const { databaseUrl } = await databaseOf(directory)
    expect(databaseUrl !== undefined).toBe(chosenEngine() === POSTGRES)
    const other = databaseUrl === undefined ? stage.test : await startApp({ COUNTERSIGN_DATABASE_URL: databaseUrl })
    await byThemselves(stage, 'keeper')
    let round = 0
    for (const one of Object.values(WAYS)) {
      for (const another of Object.values(WAYS).slice(0, 4)) {
        round++
        const calls = [await one(stage, `n${round}-0`), await another(stage, `n${round}-1`)] as const
        for (const left of await adminsLeft(stage)) {
          if (!left.startsWith(`n${round}-`)) await stage.call('DELETE', `/users/${left}`)
        }
        const outcomes = await Promise.all([outcome(calls[0]), outcome(calls[1], undefined, other)])
        expect([round, ...outcomes.toSorted()]).toEqual([round, '409 conflict', 'done'])
        // This node hears of what the other one did by its next change.
        await stage.make('/groups', { name: `round-${round}` })
        expect((await adminsLeft(stage)).length).toBe(1)
      }
    }
    if (other !== stage.test) await other.close()
    await teardown.run()
  },
  PATIENCE_MS,
)
