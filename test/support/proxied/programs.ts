import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../program.ts'
import type { Key, Stage } from '../stage.ts'
import { Teardown } from '../teardown.ts'

const NAMES = ['plain.txt', 'Füße & Ähren 100% #1 [a]; b+c.txt', 'sub/deep/file.bin']

/** Real WebDAV clients, with the ways of showing a key that they have. */
export function webdavPrograms(opened: () => Stage): void {
  const teardown = new Teardown()
  let stage: Stage
  let local: string
  let key: Key
  beforeAll(async () => {
    stage = opened()
    key = await stage.newKey()
    local = await teardown.temporaryDirectory('local')
    await mkdir(join(local, 'up/sub/deep'), { recursive: true })
    for (const name of NAMES) await writeFile(join(local, 'up', name), `contents of ${name}`.repeat(50_000))
  })
  afterAll(() => teardown.run())
  beforeEach(() => void stage.recorder.take())

  const rclone = (shown: readonly string[], ...args: string[]) =>
    run(['rclone', '--config', '/dev/null', '--retries', '1', '--webdav-url', stage.url, ...shown, ...args], {
      env: { HOME: local },
    })
  const byToken = (shown: Key) => ['--webdav-bearer-token', shown.secret]
  const byPassword = async (shown: Key) => {
    const { stdout } = await run(['rclone', 'obscure', shown.secret], { env: { HOME: local } })
    return ['--webdav-user', 'canister', '--webdav-pass', stdout.trim()]
  }

  for (const [how, show] of [
    ['a bearer token', byToken],
    ['user and password', byPassword],
  ] as const) {
    test(`rclone copies up and down with ${how}`, async () => {
      const shown = await show(key)
      const remote = `:webdav:${how.replaceAll(' ', '-')}`
      expect(await rclone(shown, 'copy', join(local, 'up'), remote)).toMatchObject({ exitCode: 0 })
      expect(await rclone(shown, 'copy', remote, join(local, how))).toMatchObject({ exitCode: 0 })
      for (const name of NAMES) {
        expect(await readFile(join(local, how, name), 'utf8')).toBe(await readFile(join(local, 'up', name), 'utf8'))
      }
      for (const { headers } of stage.recorder.take()) {
        expect([headers.get('remote-user'), headers.get('authorization')]).toEqual(['client:canister', null])
      }
    })
  }

  test('rclone moves and copies on the server', async () => {
    await rclone(byToken(key), 'copy', join(local, 'up/plain.txt'), ':webdav:moves')
    const moved = await rclone(byToken(key), 'moveto', ':webdav:moves/plain.txt', ':webdav:moves/moved.txt')
    const copied = await rclone(byToken(key), 'copyto', ':webdav:moves/moved.txt', ':webdav:moves/copied.txt')
    expect([moved.exitCode, copied.exitCode]).toEqual([0, 0])
    expect((await readdir(join(stage.files, 'moves'))).sort()).toEqual(['copied.txt', 'moved.txt'])
    const methods = stage.recorder.take().map((received) => received.method)
    expect(methods).toContain('MOVE')
    expect(methods).toContain('COPY')
  })

  test('rclone with a revoked key fails, and nothing is copied', async () => {
    const doomed = await stage.newKey()
    await stage.revoke(doomed)
    const copied = await rclone(byToken(doomed), 'copy', join(local, 'up'), ':webdav:never')
    expect(copied.exitCode).not.toBe(0)
    expect(copied.stderr).toContain('401')
    expect(await readdir(stage.files)).not.toContain('never')
  })

  const curl = async (shown: Key, ...args: string[]) => {
    const quiet = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}', '--path-as-is']
    return Number((await run(['curl', ...quiet, '--user', `canister:${shown.secret}`, ...args])).stdout)
  }
  const move = (shown: Key, destination: string, method = 'MOVE') =>
    curl(shown, '--request', method, '--header', `Destination: ${destination}`, `${stage.url}/moves/here.txt`)

  test('MOVE and COPY are decided on with their Destination', async () => {
    await writeFile(join(local, 'here.txt'), 'here')
    await rclone(byToken(key), 'copy', join(local, 'here.txt'), ':webdav:moves')
    stage.recorder.take()
    const readOnly = await stage.newKey(['files:read'])
    expect(await move(readOnly, `${stage.url}/moves/there.txt`)).toBe(403)
    expect(await move(key, 'http://evil.test/there.txt')).toBe(403)
    expect(await move(key, `http://localhost.evil.test:${stage.port}/there.txt`, 'COPY')).toBe(403)
    for (const bad of [`${stage.url}/moves/../there.txt`, `${stage.url}/%2e%2e/there.txt`, 'nowhere']) {
      expect([400, 401, 403]).toContain(await move(key, bad))
    }
    expect(stage.recorder.take()).toEqual([])
    expect(await move(key, `${stage.url}/moves/copy.txt`, 'COPY')).toBe(201)
    expect(await move(key, `${stage.url}/moves/there.txt`)).toBe(201)
    expect(await readFile(join(stage.files, 'moves/there.txt'), 'utf8')).toBe('here')
  })
}
