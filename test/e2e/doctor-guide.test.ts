// The commands of the guide for the doctor, word for word. Only addresses are those of the test.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCaddy } from '../support/caddy.ts'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, substitute } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { type Finished, type Program, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['bash', 'caddy'], 'the commands of the guide for the doctor', () => {
  const teardown = new Teardown()
  const [port, upstreamPort] = [freePort(), freePort()]
  let server: CountersignServer
  let dataDir: string
  let proxy: Program
  beforeAll(async () => {
    dataDir = await teardown.temporaryDirectory('data')
    server = await startCountersign(dataDir)
    teardown.add(server.stop)
    const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
    const names = { name: 'webdav', identifier: 'https://webdav.example.com', hosts: [`localhost:${port}`] }
    await server.make('/resources', { ...names, scopes: ['files:read'], rules })
    await server.make('/clients', { id: 'canister', name: 'Canister' })
    await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'], roles: [] })
    const { key } = await server.make('/clients/canister/keys', { name: 'doctor' })
    await writeFile(join(dataDir, 'canister.key'), `${key}\n`, { mode: 0o600 })
    const directory = await teardown.temporaryDirectory('proxy')
    proxy = await startCaddy({ port, upstreamPort, directory, verifyAddress: server.address })
    teardown.add(proxy.stop)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const countersign = `countersign() { ${process.execPath} ${MAIN} "$@"; }`
  const shell = (block: string, places: Record<string, string> = {}): Promise<Finished> =>
    run(['bash', '-euc', `${countersign}\n${substitute(guideBlock('doctor.md', block), places)}`], {
      cwd: dataDir,
      env: {
        HOME: dataDir,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: server.bootstrapKey,
        COUNTERSIGN_DATA_DIR: dataDir,
        COUNTERSIGN_LISTEN: server.address,
        COUNTERSIGN_BOOTSTRAP_KEY: server.bootstrapKey,
      },
    })
  const site = { 'https://webdav.example.com': `http://localhost:${port}` }

  test('on the host: what is fine, and what is not', async () => {
    const { stdout, exitCode } = await shell('host')
    expect(stdout).toContain('✓ The database is as this version wants it.\n')
    expect(stdout).toMatch(/^✓ The key-encryption key fits the database\.$/m)
    expect([exitCode, stdout.includes('✗')]).toEqual([0, false])
  })

  test('through the proxy: asked about everything, and what is not looked at is said', async () => {
    const { stdout, stderr, exitCode } = await shell('resource', site)
    expect(stdout).toMatch(/^✓ Countersign was asked about each of \d+ requests, as they were sent\.\n– /)
    expect([exitCode, stderr]).toEqual([0, 'No fault found.\n'])
  })

  test('in place of the service', async () => {
    const { stdout, exitCode } = await shell('echo', { ...site, '127.0.0.1:8080': `127.0.0.1:${upstreamPort}` })
    expect(stdout).toMatch(/^✓ .*\n✓ The service learns who called from Countersign alone\.\n$/)
    expect(exitCode).toBe(0)
  })

  test('while Countersign does not answer', async () => {
    await server.stop()
    const { stdout, exitCode } = await shell('down', site)
    expect([exitCode, stdout]).toEqual([0, '✓ While Countersign does not answer, nothing passes.\n'])
  })
})
