// docs/guides/backup.md and postgresql.md, word for word but for the paths, the user and the service.
import { afterEach, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)
const onPostgres = (await availableEngines()).includes(POSTGRES) ? test : test.skip

/** A host whose commands of systemd, of root and of the journal do nothing, or what the test says. */
async function makeHost(journal = '') {
  const root = await perTest.temporaryDirectory('host')
  const at = (path: string) => join(root, path)
  for (const folder of ['bin', 'lib', 'backups', 'etc']) await mkdir(at(folder), { mode: 0o700 })
  writeFileSync(at('journal'), journal)
  const programs: Record<string, string> = {
    systemctl: 'exit 0',
    chgrp: 'exit 0',
    runuser: 'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"',
    journalctl: `cat ${at('journal')}`,
    // As root there would be an owner and a group of these names.
    install:
      'n=$#; while [ $n -gt 0 ]; do a=$1; shift; n=$((n-1)); case "$a" in -o|-g) shift; n=$((n-1));; *) set -- "$@" "$a";; esac; done; exec /usr/bin/install "$@"',
  }
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(at(`bin/${name}`), `#!/bin/bash\n${text}\n`, { mode: 0o755 })
  }
  const said = (guide: string, file: string) => {
    const places: Record<string, string> = {
      '/var/lib/countersign': at('lib'),
      '/var/backups/countersign': at('backups'),
      '/etc/countersign': at('etc'),
      '/opt/countersign': ROOT,
    }
    const text = guideBlock(guide, file)
    return substitute(text, Object.fromEntries(Object.entries(places).filter(([place]) => text.includes(place))))
  }
  const env = {
    HOME: root,
    PATH: `${at('bin')}:${ROOT}/node_modules/.bin:${process.env.PATH}`,
    COUNTERSIGN_DATA_DIR: at('lib'),
  }
  const shell = (script: string, more: Record<string, string> = {}) =>
    run(['bash', '-euo', 'pipefail', '-c', script], { cwd: root, env: { ...env, ...more } })
  return { at, said, shell }
}

test(
  'backup, verification and restore with the log work as they are written',
  async () => {
    const host = await makeHost()
    const server = await startCountersign(host.at('lib'))
    perTest.add(server.stop)
    await server.make('/clients', { id: 'canister' })
    const { id } = await server.make('/clients/canister/keys', {})
    expect(await host.shell(host.said('backup.md', 'backup'))).toMatchObject({ exitCode: 0 })
    const [made = ''] = readdirSync(host.at('backups'))
    expect(made).toMatch(/^\d{4}-\d{2}-\d{2}\.db$/)
    await host.shell(`mv ${host.at('backups')}/${made} ${host.at('backups')}/monday.db`)
    expect(await host.shell(host.said('backup.md', 'verify'))).toMatchObject({ exitCode: 0 })
    await server.call('POST', `/credentials/${id}/revoke`, {})
    writeFileSync(
      host.at('journal'),
      `Started countersign.service - Countersign.\n${server.log()}Stopping countersign.service...\n`,
    )
    await server.stop()
    const restored = await host.shell(host.said('backup.md', 'restore'))
    expect([restored.exitCode, restored.stderr]).toEqual([0, expect.stringContaining('Revoked again: 1.')])
    expect([existsSync(host.at('lib/monday.db')), existsSync(host.at('lib/lost-countersign.db'))]).toEqual([
      false,
      true,
    ])
    const again = await startCountersign(host.at('lib'))
    perTest.add(again.stop)
    expect(await again.call('GET', `/credentials/${id}`)).toMatchObject({ body: { state: 'revoked' } })
  },
  PATIENCE_MS,
)

test(
  'the nightly service writes a file of that day',
  async () => {
    const host = await makeHost()
    const server = await startCountersign(host.at('lib'))
    perTest.add(server.stop)
    const unit = host.said('backup.md', 'countersign-backup.service')
    const [, command = ''] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(unit) ?? []
    const [, tidy = ''] = /^ExecStartPost=(.*)$/m.exec(unit) ?? []
    // As systemd reads it.
    const line = `${command.replaceAll('$$', '$').replaceAll('%%', '%')}; ${tidy}`
    expect(await host.shell(line)).toMatchObject({ exitCode: 0 })
    expect(readdirSync(host.at('backups'))).toEqual([expect.stringMatching(/^\d{4}-\d{2}-\d{2}\.db$/)])
    expect(guideBlock('backup.md', 'countersign-backup.timer')).toContain('OnCalendar=daily')
  },
  PATIENCE_MS,
)

onPostgres(
  'moving what a data directory holds works as it is written',
  async () => {
    const host = await makeHost()
    const place = await POSTGRES.makeEmptyPlace()
    perTest.add(() => place.remove())
    const server = await startCountersign(host.at('lib'))
    await server.make('/clients', { id: 'canister' })
    const { key } = await server.make('/clients/canister/keys', { resources: ['countersign'] })
    await server.stop()
    writeFileSync(host.at('etc/database-url'), `${place.databaseUrl}\n`)
    const moved = await host.shell(host.said('postgresql.md', 'move'))
    expect([moved.exitCode, moved.stderr]).toEqual([0, expect.stringContaining('Both hold the same.')])
    expect(await host.shell(host.said('postgresql.md', 'kek'))).toMatchObject({ exitCode: 0 })
    const conf = host.said('postgresql.md', 'postgres.conf')
    const environment = Object.fromEntries([...conf.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, k, v]) => [k, v]))
    const node = await startCountersign(await perTest.temporaryDirectory('node'), environment)
    perTest.add(node.stop)
    const answer = await fetch(`${node.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })
    // Who it is, is known: it may do nothing here.
    expect(answer.status).toBe(403)
  },
  PATIENCE_MS,
)
