import { describe, expect, test } from 'bun:test'
import {
  type AccessRule,
  ANONYMOUS,
  deny,
  NO_RIGHTS,
  parseAddress,
  parseRequestTarget,
} from '@countersign/resource-server'
import { KnownCredential } from '../authentication/known-credentials.ts'
import { Directory } from '../directory/directory.ts'
import { PREFLIGHT_RULE } from '../domain/access-rule.ts'
import type { StoredCredential } from '../domain/credential.ts'
import { managementResource } from '../domain/management.ts'
import { newCredential } from '../domain/new-credential.ts'
import type { Resource } from '../domain/resource.ts'
import type { LastUse } from '../store/credentials.ts'
import type { AllowedCount } from '../store/decisions.ts'
import { AskedRequest } from './asked.ts'
import { DecisionLog } from './decision-log.ts'

const T0 = new Date('2030-01-01T00:00:00Z')
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

const webdav: Resource = { ...managementResource('http://127.0.0.1:8420'), name: 'webdav' }
const forge: Resource = { ...webdav, name: 'forge' }
const [first, second] = webdav.rules as [AccessRule, AccessRule]

function stored(id: string, kind: StoredCredential['kind'] = 'key'): StoredCredential {
  const owner = { kind: 'client', id: 'canister' } as const
  return newCredential({ now: T0, revision: 1, actor: { by: 'client:ops' } }, { id, kind, owner, name: '', hint: '' })
}

/** A log whose store keeps what it is given, and refuses last uses while it is told to. */
function setUp() {
  const counts: AllowedCount[] = []
  const uses: LastUse[] = []
  const fault = { ofLastUses: undefined as Error | undefined }
  let samples = 0
  const store = {
    async insert(records: readonly object[], added: readonly AllowedCount[]) {
      samples += records.length
      counts.push(...added)
    },
    find: async () => undefined,
    list: async () => [],
    async writeLastUses(written: readonly LastUse[]) {
      if (fault.ofLastUses !== undefined) throw fault.ofLastUses
      uses.push(...written)
    },
  }
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const log = new DecisionLog(store, random)
  const directory = new Directory(webdav)

  const allow = (
    known: KnownCredential | undefined,
    afterMs: number,
    { rule = first, resource = webdav }: { rule?: AccessRule; resource?: Resource } = {},
  ) => {
    const now = new Date(T0.getTime() + afterMs)
    const target = parseRequestTarget('/films')
    if (target === undefined) throw new Error('the target of this test is malformed')
    const address = () => parseAddress('192.0.2.1')
    const headers = new Headers()
    const asked = new AskedRequest('forward', now, 'public', 'GET', 'https', 'a.test', target, '/', headers, address)
    const decision = {
      asked,
      resource,
      matched: { rule, project: undefined },
      caller: known?.callerAt(resource, directory),
      verdict: { outcome: 'allow', principal: ANONYMOUS, rights: NO_RIGHTS, projects: null },
      step: undefined,
      identity: { headers, writtenAt: now, freshUntil: now },
    } as const
    log.noteAllowed(decision, asked)
  }
  return { log, allow, counts, uses, fault, samples: () => samples }
}

describe('the last use of a credential', () => {
  const at = (afterMs: number) => new Date(T0.getTime() + afterMs)

  test('is written with its address, and not again for a minute, however often it is used', async () => {
    const { log, allow, uses } = setUp()
    const known = new KnownCredential(stored('key_1'))
    for (let afterMs = 0; afterMs < 3 * MINUTE_MS; afterMs += 5000) {
      allow(known, afterMs)
      await log.flush()
    }
    expect(uses).toEqual([0, 1, 2].map((minute) => ({ id: 'key_1', at: at(minute * MINUTE_MS), from: '192.0.2.1' })))
  })

  test('waits for a store that takes none, and is written as soon as it does', async () => {
    const { log, allow, uses, fault } = setUp()
    const known = new KnownCredential(stored('key_1'))
    fault.ofLastUses = new Error('the disk is full')
    allow(known, 0)
    await expect(log.flush()).rejects.toThrow('the disk is full')
    allow(known, 1000)
    await expect(log.flush()).rejects.toThrow('the disk is full')
    fault.ofLastUses = undefined
    await log.flush()
    await log.flush()
    expect(uses.map((use) => use.at)).toEqual([T0])
  })

  test('is written when the clock has gone back', async () => {
    const { log, allow, uses } = setUp()
    const known = new KnownCredential(stored('key_1'))
    allow(known, 0)
    await log.flush()
    allow(known, -HOUR_MS)
    await log.flush()
    expect(uses.map((use) => use.at)).toEqual([T0, at(-HOUR_MS)])
  })

  test('of the bootstrap key is written nowhere: it has no row', async () => {
    const { log, allow, uses } = setUp()
    allow(new KnownCredential(stored('bootstrap', 'bootstrap')), 0)
    await log.flush()
    expect(uses).toEqual([])
  })
})

describe('allowed answers', () => {
  const hour = T0.getTime() / HOUR_MS

  test('are counted by credential, resource, rule and hour, with a sample of the first of each', async () => {
    const { log, allow, counts, samples } = setUp()
    const [one, other] = [new KnownCredential(stored('key_1')), new KnownCredential(stored('key_2'))]
    for (let turn = 0; turn < 3; turn++) {
      allow(one, turn)
      allow(one, turn, { rule: second })
      allow(other, turn)
      allow(undefined, turn)
    }
    allow(one, HOUR_MS)
    allow(other, HOUR_MS)
    await log.flush()
    const counted = { resource: 'webdav', rule: 0, hour, count: 3 }
    const expected = [
      { ...counted, credential: 'key_1' },
      { ...counted, credential: 'key_1', rule: 1 },
      { ...counted, credential: 'key_2' },
      { ...counted, credential: 'anonymous' },
      { ...counted, credential: 'key_1', hour: hour + 1, count: 1 },
      { ...counted, credential: 'key_2', hour: hour + 1, count: 1 },
    ]
    expect(new Set(counts)).toEqual(new Set(expected))
    expect(samples()).toBe(6)
  })

  test('that were written are not written again, and later ones add to them', async () => {
    const { log, allow, counts, samples } = setUp()
    const known = new KnownCredential(stored('key_1'))
    allow(known, 0)
    await log.flush()
    await log.flush()
    allow(known, 1)
    allow(known, 2)
    await log.flush()
    expect(counts.map(({ count }) => count)).toEqual([1, 2])
    expect(samples()).toBe(1)
  })

  test('are counted on when more credentials are in use than are remembered', async () => {
    const { log, allow, counts } = setUp()
    const all = Array.from({ length: 10_001 }, (_, n) => new KnownCredential(stored(`key_${n}`)))
    for (let turn = 0; turn < 2; turn++) {
      for (const known of all) allow(known, turn)
      await log.flush()
    }
    expect(counts.length).toBe(2 * all.length)
  })

  test('of one rule that stands for several resources are counted for each', async () => {
    const { log, allow, counts, samples } = setUp()
    for (let turn = 0; turn < 3; turn++) {
      allow(undefined, turn, { rule: PREFLIGHT_RULE })
      allow(undefined, turn, { rule: PREFLIGHT_RULE, resource: forge })
    }
    await log.flush()
    expect(new Set(counts.map(({ resource, count }) => `${resource} ${count}`))).toEqual(
      new Set(['webdav 3', 'forge 3']),
    )
    expect(samples()).toBe(2)
  })
})

describe('refusals of strangers', () => {
  const T0_SECONDS = T0.getTime() / 1000
  const refuseAt = (second: number) => ({
    asked: { dialect: 'forward', now: new Date((T0_SECONDS + second) * 1000), peer: '127.0.0.1' } as const,
    step: 'credential' as const,
    ...{ resource: undefined, matched: undefined, caller: undefined, identity: undefined },
    verdict: deny('credential_unknown'),
  })

  test('have one share of a second, also those that come late because they waited for a look-up', async () => {
    const { log, samples } = setUp()
    for (let turn = 0; turn < 500; turn++) {
      log.noteDenied(refuseAt(10))
      log.noteDenied(refuseAt(9))
    }
    await log.flush()
    expect(samples()).toBe(50)
    expect(log.dropped.rate_of_strangers).toBe(950)
  })

  test('have the share of every second anew, also when the clock has gone back', async () => {
    const { log, samples } = setUp()
    for (const second of [0, 1, 2, -3600, -3599]) for (let turn = 0; turn < 60; turn++) log.noteDenied(refuseAt(second))
    await log.flush()
    expect(samples()).toBe(250)
  })
})
