// The database that the simulation plays answers whoever follows it as the real one does, change by change.
import { expect, test } from 'bun:test'
import { type Held, revisionSource } from '../../packages/server/src/directory/revision-source.ts'
import { insertClient, updateClient } from '../../packages/server/src/store/clients.ts'
import { deletePermission, insertPermission } from '../../packages/server/src/store/permissions.ts'
import { insertResource } from '../../packages/server/src/store/resources.ts'
import { drawRevocationLine } from '../../packages/server/src/store/revocation-lines.ts'
import { type Change, change, HOST_ACTOR } from '../../packages/server/src/store/store.ts'
import { openTestStore } from '../../packages/server/src/store/testing/engines.ts'
import { clientWrite, resourceWrite, T0 } from '../../packages/server/src/store/testing/rows.ts'
import { Database, type Work } from './database.ts'
import { CLIENTS, clientOf, permissionOf, WEBDAV } from './furniture.ts'
import { Random } from './random.ts'

type Both = { readonly played: Work; readonly real: (running: Change) => Promise<void> }

const STEPS = 120

test('whoever follows the played database and the real one is told the same', async () => {
  const random = new Random(1)
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(256))
  const store = await openTestStore(() => T0, bytes)
  const played = new Database(random, WEBDAV, {
    credentials: new Map(),
    clients: new Map(CLIENTS.map((id) => [id, clientOf(id, false)])),
    permissions: new Map(),
    lines: new Map(),
  })
  await change(store, HOST_ACTOR, async (running) => {
    await insertResource(running, resourceWrite('webdav'))
    for (const id of CLIENTS) await insertClient(running, clientWrite(id), null)
  })

  const followers = [0, 1, 2].map((): { real: Held | undefined; played: Held | undefined } => ({
    real: undefined,
    played: undefined,
  }))
  const source = revisionSource(store)
  for (let step = 0; step < STEPS; step++) {
    if (random.happens(0.1)) await trimBoth(played, step)
    else {
      const { real, played: work } = chosen(random, played)
      await change(store, HOST_ACTOR, real)
      played.commit(step, work)
    }
    const follower = random.oneOf(followers)
    const [real, told] = [await source.updateSince(follower.real), played.updateSince(follower.played)]
    expect([step, shortOf(real.update)]).toEqual([step, shortOf(told.update)])
    expect(real.held.position.revision).toBe(told.held.position.revision)
    expect(real.held.logged?.revision).toBe(told.held.logged?.revision)
    Object.assign(follower, { real: real.held, played: told.held })
  }
  await store.close()

  /** The log begins later from now on; both keep the same part. */
  async function trimBoth(database: Database, nowMs: number) {
    database.trim(nowMs)
    const kept = database.state.log[0]?.revision ?? 0
    await store.writer.deleteFrom('change').where('revision', '<', kept).execute()
  }
})

function chosen(random: Random, { state }: Database): Both {
  const id = random.oneOf(CLIENTS)
  const kind = random.below(4)
  if (kind === 0) return { played: () => ({}), real: async () => undefined }
  if (kind === 1) {
    const disabled = random.happens(0.5)
    return {
      played: () => ({ clients: [clientOf(id, disabled)] }),
      async real(running) {
        await updateClient(running, clientWrite(id, { disabled }))
        await running.record('client.update', 'client', id)
      },
    }
  }
  if (kind === 2) {
    const subject = `client:${id}`
    const line = (revision: number) => ({ subject, revision, before: null, endsAt: null, at: T0, by: '', reason: null })
    return {
      played: (_, { revision }) => ({ lines: [line(revision)] }),
      async real(running) {
        await drawRevocationLine(running, subject, null)
        await running.record('revocation_line.draw', 'revocation_line', subject)
      },
    }
  }
  const permission = permissionOf(id)
  const isThere = state.permissions.has(permission.id)
  return {
    played: () => ({ permissions: [[permission.id, isThere ? undefined : permission]] }),
    async real(running) {
      if (isThere) await deletePermission(running, permission.id)
      else await insertPermission(running, permission)
      await running.record('permission.change', 'permission', permission.id)
    },
  }
}

/** What an update says, but for what the real one has beyond what is played. */
function shortOf({
  everything,
  revision,
  clients,
  permissions,
  lines,
  credentials,
}: Awaited<ReturnType<ReturnType<typeof revisionSource>['updateSince']>>['update']) {
  const isPlayed = (id: string) => !/^(perm_)?(bootstrap|countersign-admin)$/.test(id)
  return {
    ...{ everything, revision, credentials },
    clients: [...clients]
      .filter(([id]) => isPlayed(id))
      .map(([id, client]) => [id, client?.disabled])
      .sort(),
    permissions: [...permissions]
      .filter(([id]) => isPlayed(id))
      .map(([id, held]) => [id, held !== undefined])
      .sort(),
    lines: lines.map(({ subject, revision: at }) => [subject, at]).sort(),
  }
}
