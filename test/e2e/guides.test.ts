// The commands of the guides, word for word. Only the address of Countersign is that of the test.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['bash', 'curl'], 'the commands of the guide for Caddy', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let bin: string
  beforeAll(async () => {
    bin = await teardown.temporaryDirectory('bin')
    await writeFile(join(bin, 'countersign'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
    await chmod(join(bin, 'countersign'), 0o755)
  })
  afterAll(() => teardown.run(), PATIENCE_MS)

  const fresh = async () => {
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
  }
  const shell = (script: string): Promise<Finished> =>
    run(['bash', '-euc', script], {
      cwd: ROOT,
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: bin,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: server.bootstrapKey,
        ADMIN_KEY: server.bootstrapKey,
      },
    })
  const mayList = async (key: string) => {
    const asked = { method: 'PROPFIND', proto: 'https', host: 'webdav.example.com', uri: '/' }
    const headers = Object.entries(asked).map(([part, value]) => [`x-forwarded-${part}`, value] as [string, string])
    const answer = await fetch(`${server.url}/verify/forward`, {
      headers: [...headers, ['authorization', `Bearer ${key}`]],
    })
    return answer.status === 200
  }
  const keyIn = (text: string) => /\bcs_key_[0-9A-Za-z]{49}\b/.exec(text)?.[0] ?? 'no key was shown'

  test(
    'by command: resource, client, permission and a key that works',
    async () => {
      await fresh()
      const made = await shell(guideBlock('caddy.md', 'by-command'))
      expect(made).toMatchObject({ exitCode: 0 })
      expect(await mayList(keyIn(made.stdout))).toBe(true)
      expect(await shell(guideBlock('caddy.md', 'forge'))).toMatchObject({ exitCode: 0 })
    },
    PATIENCE_MS,
  )

  test(
    'by API: the same',
    async () => {
      await fresh()
      const made = await shell(substitute(guideBlock('caddy.md', 'by-api'), { '127.0.0.1:8420': server.address }))
      expect(made).toMatchObject({ exitCode: 0 })
      expect(await mayList(keyIn(made.stdout))).toBe(true)
      const { body } = await server.call('GET', '/resources/webdav')
      expect(body).toMatchObject({ hosts: ['webdav.example.com'], scopes: ['files:read', 'files:write'] })
    },
    PATIENCE_MS,
  )
})
