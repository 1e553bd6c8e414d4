import { expect, test } from 'bun:test'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'

describeWith(['caddy', 'rclone', 'curl'], 'npm run demo', () => {
  test('shows what passes, what is refused, and why, and leaves nothing behind', async () => {
    const demo = await run(['npm', '--silent', 'run', 'demo'], { cwd: ROOT, env: { HOME: '/nonexistent' } })
    expect(demo).toMatchObject({ exitCode: 0, stderr: '' })

    const statuses = [...demo.stdout.matchAll(/^ +(\d{3}) [A-Z]/gm)].map((match) => Number(match[1]))
    expect(statuses).toEqual([201, 200, 200, 401, 401, 403, 400, 401])
    const asked = [...demo.stdout.matchAll(/\$ countersign why (dec_\w+)\n +(\S.*)/g)]
    expect(asked).toHaveLength(5)
    expect(demo.stdout).toContain('the WebDAV server saw Remote-User: client:canister')
    expect(demo.stdout).not.toMatch(/cs_key_\w{20}/)
  }, 60_000)

  test('over two servers: what one revokes, the other refuses, and why is told by either', async () => {
    const command = ['npm', '--silent', 'run', 'demo', '--', '--postgres']
    const demo = await run(command, { cwd: ROOT, env: { HOME: '/nonexistent' } })
    expect(demo).toMatchObject({ exitCode: 0, stderr: '' })
    const statuses = [...demo.stdout.matchAll(/^ +(\d{3}) [A-Z]/gm)].map((match) => Number(match[1]))
    expect(statuses).toEqual([201, 200, 200, 401, 401, 403, 400, 401])
    expect([...demo.stdout.matchAll(/\$ countersign why dec_\w+\n +refused/gi)]).toHaveLength(5)
    expect(demo.stdout).toMatch(/auth-1 \(answers\) +current/)
    expect(demo.stdout).toContain('In force at every server (2 of 2)')
  }, 60_000)

  test('says which options there are', async () => {
    const { exitCode, stderr } = await run(['npm', '--silent', 'run', 'demo', '--', '--mysql'], { cwd: ROOT, env: {} })
    expect([exitCode, stderr]).toEqual([64, expect.stringContaining('--postgres or --stay')])
  })
})
