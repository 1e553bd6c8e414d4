// Runs all tests and ends with one line: «N passed, N failed». With CI=true a skipped test is a failure.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const scratch = mkdtempSync(join(tmpdir(), 'countersign-tests-'))
const report = join(scratch, 'junit.xml')
const run = Bun.spawn(
  [process.execPath, 'test', '--reporter=junit', `--reporter-outfile=${report}`, ...process.argv.slice(2)],
  { stdout: 'inherit', stderr: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
)
const code = await run.exited
const { tests, failures, skipped } = counts(report)
rmSync(scratch, { recursive: true, force: true })

const inCi = process.env.CI === 'true'
if (skipped > 0) console.log(`${skipped} skipped${inCi ? ', which counts as failed under CI=true' : ''}`)
const failed = failures + (inCi ? skipped : 0) + (code !== 0 && failures === 0 ? 1 : 0)
console.log(`${tests - failures - skipped} passed, ${failed} failed`)
process.exit(failed === 0 && tests > 0 ? 0 : 1)

function counts(path: string): { tests: number; failures: number; skipped: number } {
  let root = ''
  try {
    root = /<testsuites[^>]*>/.exec(readFileSync(path, 'utf8'))?.[0] ?? ''
  } catch {
    console.log('The test run left no report.')
  }
  const read = (name: string) => Number(new RegExp(` ${name}="([0-9]+)"`).exec(root)?.[1] ?? 0)
  return { tests: read('tests'), failures: read('failures'), skipped: read('skipped') }
}
