import { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { formatCredential, hintOf } from '@countersign/resource-server'
import { makeId } from '../packages/server/src/domain/ids.ts'
import { newCredential } from '../packages/server/src/domain/new-credential.ts'
import { cleanUp } from '../packages/server/src/store/clean-up.ts'
import { insertAccessToken } from '../packages/server/src/store/credentials.ts'
import { type OpenedStore, openStore } from '../packages/server/src/store/open.ts'
import { inTemporaryDirectory } from './directory.ts'
import { composeOn, PEER } from './in-process.ts'
import { type Bench, type BenchOptions, measured, type Report } from './measured.ts'
import { questionOf, VERIFY_PATH } from './question.ts'
import { OPAQUE_RESOURCE } from './reference.ts'
import { stockTokens } from './token-stock.ts'

const TOKENS_A_SECOND = 100
const TTL_SECONDS = 600
/** What has ended is kept for an hour more. */
const KEPT_SECONDS = 3600
/** The clean-up runs that often. */
const STEP_SECONDS = 10
const DEFAULT_HOURS = 24
/** Counting costs more than all the rest. */
const COUNT_EVERY_SECONDS = 300
/** By then as many end as are issued. */
const STEADY_AFTER_SECONDS = 2 * 3600
const BOUND = TOKENS_A_SECOND * (TTL_SECONDS + KEPT_SECONDS + 2 * STEP_SECONDS)

/** Opaque tokens, issued all day and cleaned away all day, while others ask: what is kept, and who waits. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const clock = { now: new Date('2030-01-01T00:00:00Z') }
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(directory, { bootstrapKey, clock: () => clock.now })
  const { client, keys } = await stockTokens(app, bootstrapKey, 1)
  const store = await openStore(directory, () => clock.now, random)
  try {
    const verify = app.publicRoutes.exact[VERIFY_PATH]
    const ask = async (credential: string) => {
      const headers = { ...questionOf(credential), 'X-Forwarded-Host': new URL(OPAQUE_RESOURCE).host }
      const answer = await verify?.(new Request(`http://${PEER}:8420${VERIFY_PATH}`, { headers }), PEER)
      if (answer?.status !== 200) throw new Error(`expected 200, got ${answer?.status}`)
    }
    const [key = ''] = keys
    const hours = options.rounds ?? DEFAULT_HOURS
    options.say(`${hours} hours of ${TOKENS_A_SECOND} opaque tokens a second, in steps of ${STEP_SECONDS} s`)
    const steps = { runMs: [] as number[], waitMs: [] as number[], idleWaitMs: [] as number[] }
    const kept = { most: 0, steadyBytes: 0 }
    for (let second = STEP_SECONDS; second <= hours * 3600; second += STEP_SECONDS) {
      clock.now = new Date(clock.now.getTime() + STEP_SECONDS * 1000)
      const shown = await issue(store, directory, client, clock.now)
      if (second % COUNT_EVERY_SECONDS === 0) kept.most = Math.max(kept.most, await countTokens(store))
      await ask(shown)
      steps.idleWaitMs.push((await longestWait(() => ask(key), beside)).waitMs)
      const cleaning = await longestWait(
        () => ask(key),
        () => cleanUp(store, beside),
      )
      if (second > TTL_SECONDS + KEPT_SECONDS) {
        steps.runMs.push(cleaning.runMs)
        steps.waitMs.push(cleaning.waitMs)
      }
      if (second === STEADY_AFTER_SECONDS) kept.steadyBytes = sizeOf(directory)
      if (second % 3600 === 0) options.say(`${second / 3600} h: ${await countTokens(store)} tokens`)
    }
    const megabytes = (bytes: number) => bytes / 1e6
    const one = (name: string, unit: string, value: number) => measured(name, unit, [value])
    return {
      bench: 'churn',
      setting:
        `${TOKENS_A_SECOND} opaque tokens a second that live for ${TTL_SECONDS} s, for ${hours} h by a clock that is ` +
        `moved; SQLite; beside each run of the clean-up somebody asks with a known key, over and over.`,
      measurements: [
        one('tokens kept at most', 'rows', kept.most),
        ...(kept.steadyBytes === 0 ? [] : [one('database after two hours', 'MB', megabytes(kept.steadyBytes))]),
        one('database at the end', 'MB', megabytes(sizeOf(directory))),
        measured('one run of the clean-up', 'ms', steps.runMs),
        measured('longest wait for an answer within a run', 'ms', steps.waitMs),
        measured('longest wait with no clean-up', 'ms', steps.idleWaitMs),
        one('longest wait of all runs', 'ms', Math.max(...steps.waitMs)),
      ],
      targets: [
        { says: 'no more rows than of tokens that are alive or ended within the hour', isMet: kept.most <= BOUND },
      ],
    }
  } finally {
    await store.close()
    await app.close()
  }
}

/** Keeps one token as issuance does, and as many like it as the others of its step. Returns that one. */
async function issue(store: OpenedStore, directory: string, client: string, now: Date): Promise<string> {
  const text = formatCredential('at', random(32))
  const id = makeId('at', now, random)
  const credential = newCredential(
    { now, revision: 0, actor: { by: `client:${client}` } },
    {
      id,
      kind: 'at',
      owner: { kind: 'client', id: client },
      name: '',
      hint: hintOf(text),
      narrowing: { resources: ['opaque-tokens'], scopes: ['files:read'], projects: null },
      audience: OPAQUE_RESOURCE,
      expiresAt: new Date(now.getTime() + TTL_SECONDS * 1000),
      ancestors: [makeId('secret', now, random)],
    },
  )
  await insertAccessToken(store, { credential, digest: Bun.SHA256.hash(text, 'hex') })
  const file = new Database(join(directory, 'countersign.db'))
  const names = (file.query('select name from pragma_table_info(?)').values('credential') as [string][]).flat()
  const own: Record<string, string> = {
    id: `'${id.slice(0, -16)}' || substr(hex(randomblob(8)), 1, 16)`,
    digest: 'lower(hex(randomblob(32)))',
  }
  file
    .query(
      `with recursive other(number) as (select 2 union all select number + 1 from other where number < ?)
       insert into credential (${names.join()}) select ${names.map((name) => own[name] ?? name).join()}
       from other join credential on id = ?`,
    )
    .run(TOKENS_A_SECOND * STEP_SECONDS, id)
  file.close()
  return text
}

/** How long `work` took, and the longest that somebody waited who asked all the while. */
async function longestWait(ask: () => Promise<void>, work: () => Promise<void>) {
  let isDone = false
  let waitMs = 0
  const asking = async () => {
    for (let before = performance.now(); !isDone; ) {
      await ask()
      await beside()
      const now = performance.now()
      waitMs = Math.max(waitMs, now - before)
      before = now
    }
  }
  const startedAt = performance.now()
  const asked = asking()
  await work().finally(() => {
    isDone = true
  })
  const runMs = performance.now() - startedAt
  await asked
  return { runMs, waitMs }
}

async function countTokens({ reader }: OpenedStore): Promise<number> {
  const row = await reader
    .selectFrom('credential')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('kind', '=', 'at')
    .executeTakeFirstOrThrow()
  return row.count
}

function sizeOf(directory: string): number {
  return statSync(join(directory, 'countersign.db')).size
}

const beside = () => new Promise<void>((done) => void setImmediate(done))
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
