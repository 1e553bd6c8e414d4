import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guideBlock, substitute } from '../guide.ts'
import { change } from '../people.ts'
import { run } from '../program.ts'
import type { Key, Stage } from '../stage.ts'
import { Teardown } from '../teardown.ts'

/** rclone with access tokens that the guides' script fetches, word for word: only addresses are those of the test. */
export function tokenPrograms(opened: () => Stage): void {
  describe('with access tokens', () => {
    const teardown = new Teardown()
    let stage: Stage
    let home: string
    let secret: Key
    beforeAll(async () => {
      stage = opened()
      home = await teardown.temporaryDirectory('canister')
      const made = await stage.server.make('/clients/canister/secrets', { name: 'rclone' })
      secret = { id: String(made.id), secret: String(made.secret) }
      await writeFile(join(home, 'canister.secret'), `${secret.secret}\n`)
      const script = substitute(guideBlock('service-to-service.md', 'access-token'), {
        'client=billing': 'client=canister',
        'billing.secret': 'canister.secret',
        'http://127.0.0.1:8420': stage.server.url,
        'https://usage.example.com': 'https://webdav.example.com',
      })
      await writeFile(join(home, 'access-token'), script, { mode: 0o755 })
      await mkdir(join(home, 'music'))
    })
    afterAll(() => teardown.run())
    beforeEach(() => void stage.recorder.take())

    const shell = (script: string) =>
      run(['bash', '-euo', 'pipefail', '-c', script], { cwd: home, env: { HOME: home, RCLONE_CONFIG: '/dev/null' } })
    const copy = async (block: string, song: string) => {
      await writeFile(join(home, 'music', song), song.repeat(10_000))
      return shell(guideBlock('caddy.md', block).replaceAll('https://webdav.example.com', stage.url))
    }

    for (const format of ['jwt', 'opaque']) {
      for (const block of ['rclone-token', 'rclone-token-basic']) {
        test(`rclone copies with one as ${format} (${block}), and the service is not shown it`, async () => {
          await change(stage.server, '/resources/webdav', { access_token: { format } })
          await shell('rm -f canister.token')
          const song = `${format}-${block}.ogg`
          expect(await copy(block, song)).toMatchObject({ exitCode: 0 })
          expect(await readFile(join(stage.files, 'music', song), 'utf8')).toBe(song.repeat(10_000))
          const received = stage.recorder.take()
          expect(received.length).toBeGreaterThan(0)
          for (const { headers } of received) {
            expect([headers.get('remote-user'), headers.get('authorization')]).toEqual(['client:canister', null])
            expect(headers.get('remote-credential')).toMatch(/^at_/)
          }
        })
      }
    }

    test('rclone asks for another when one is refused, and goes on', async () => {
      await writeFile(join(home, 'music/again.ogg'), 'again')
      const dead = (await shell('./access-token')).stdout.trim()
      expect((await stage.server.call('POST', '/leaks', { credential: dead })).status).toBe(200)
      const first =
        '#!/bin/sh\n[ -e asked ] || { touch asked; exec cat canister.dead; }\nrm -f canister.token\nexec ./access-token\n'
      await writeFile(join(home, 'canister.dead'), dead)
      await writeFile(join(home, 'first-a-dead-one'), first, { mode: 0o755 })
      const block = substitute(guideBlock('caddy.md', 'rclone-token'), { './access-token': './first-a-dead-one' })
      expect(await shell(block.replaceAll('https://webdav.example.com', stage.url))).toMatchObject({ exitCode: 0 })
      expect(await readFile(join(stage.files, 'music/again.ogg'), 'utf8')).toBe('again')
    })

    test('rclone gets no further once the secret is revoked', async () => {
      await stage.revoke(secret)
      const copied = await copy('rclone-token', 'never.ogg')
      expect(copied.exitCode).not.toBe(0)
      expect(stage.recorder.take()).toEqual([])
    })
  })
}
