import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['bash', 'npx'], 'examples/surfaces', () => {
  test(
    'its commands give each token what the table of its README says',
    async () => {
      const readme = readFileSync(join(ROOT, 'examples/surfaces/README.md'), 'utf8')
      const [table] = /^\|[\s\S]*\|$/m.exec(readme) ?? ['no table']
      const asked = await run([process.execPath, 'examples/surfaces/main.ts'], {
        cwd: ROOT,
        env: { HOME: '/nonexistent' },
      })
      expect(asked).toMatchObject({ exitCode: 0, stderr: '', stdout: `${table}\n` })
    },
    PATIENCE_MS,
  )
})
