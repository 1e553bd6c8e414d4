// Runs all tests and ends with one line: «N passed, N failed». With CI=true a skipped test is a failure.
//
// First everything, the server on SQLite; then, where the engine matters, the server on PostgreSQL. With arguments only
// those files, once: on SQLite, or with TEST_ENGINE=postgres on PostgreSQL.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../packages/server/src/store/testing/postgres-server.ts'

/** What runs on either engine, but for the store: its own suite runs on both at once. */
const ON_POSTGRES = [
  ...['admin', 'app', 'authentication', 'directory', 'doctor', 'keys', 'oauth', 'verify'].map(
    (folder) => `./packages/server/src/${folder}`,
  ),
  './packages/server/src/admin-key.test.ts',
  './packages/server/src/store/decisions.test.ts',
  './test/simulation/alike.test.ts',
  ...['attacks', 'properties', 'stories'].map((folder) => `./test/${folder}`),
  ...['refusals', 'promises/p1', 'promises/rotation'].map((name) => `./test/${name}.test.ts`),
]

type Counts = {
  readonly tests: number
  readonly failures: number
  readonly skipped: number
  /** 1 for a run that ended badly with no test to blame. */
  readonly brokeOff: number
}

const inCi = process.env.CI === 'true'
const named = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), 'countersign-tests-'))
const server = await postgresForAll()
const env = { ...process.env, NO_COLOR: '1', ...(server !== undefined && { TEST_POSTGRES_URL: server }) }

const runs = [await run(named, env)]
if (named.length === 0 && server !== undefined) {
  console.log('\nOnce more, on PostgreSQL:\n')
  runs.push(await run(ON_POSTGRES, { ...env, TEST_ENGINE: 'postgres' }))
}
rmSync(scratch, { recursive: true, force: true })

const sum = (field: keyof Counts) => runs.reduce((total, counts) => total + counts[field], 0)
const skipped = sum('skipped')
if (skipped > 0) console.log(`${skipped} skipped${inCi ? ', which counts as failed under CI=true' : ''}`)
if (server === undefined) console.log('All on PostgreSQL was SKIPPED: it cannot be started here.')
const failed = sum('failures') + sum('brokeOff') + (inCi ? skipped + Number(server === undefined) : 0)
const passed = sum('tests') - sum('failures') - skipped
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && runs.every(({ tests }) => tests > 0) ? 0 : 1)

/** One server for all tests, which ends with this process. */
async function postgresForAll(): Promise<string | undefined> {
  try {
    return process.env.TEST_POSTGRES_URL ?? (await startPostgres())
  } catch (error) {
    console.log(`PostgreSQL cannot be started: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

async function run(files: readonly string[], environment: Record<string, string | undefined>): Promise<Counts> {
  const report = join(scratch, `junit-${files.length}.xml`)
  const child = Bun.spawn([process.execPath, 'test', '--reporter=junit', `--reporter-outfile=${report}`, ...files], {
    stdout: 'inherit',
    stderr: 'inherit',
    env: environment,
  })
  const code = await child.exited
  const counts = countsIn(report)
  return { ...counts, brokeOff: code !== 0 && counts.failures === 0 ? 1 : 0 }
}

function countsIn(path: string): Omit<Counts, 'brokeOff'> {
  let root = ''
  try {
    root = /<testsuites[^>]*>/.exec(readFileSync(path, 'utf8'))?.[0] ?? ''
  } catch {
    console.log('The test run left no report.')
  }
  const read = (name: string) => Number(new RegExp(` ${name}="([0-9]+)"`).exec(root)?.[1] ?? 0)
  return { tests: read('tests'), failures: read('failures'), skipped: read('skipped') }
}
