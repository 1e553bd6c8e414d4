// The guide to the command line, word for word, with two servers.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT } from '../support/guide.ts'
import { type Finished, run, startProgram } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const GUIDE = join(ROOT, 'docs/guides/command-line.md')
const WEBDAV = {
  ...{
    name: 'webdav',
    identifier: 'https://webdav.example.com',
    hosts: ['webdav.example.com'],
    scopes: ['files:read'],
  },
  rules: [{ path: '/**', require: { scopes: ['files:read'] } }],
}

describeWith(['bash'], 'the guide to the command line', () => {
  const teardown = new Teardown()
  let home: string
  let production: CountersignServer
  let staging: CountersignServer
  let changed: Finished

  beforeAll(async () => {
    home = await teardown.temporaryDirectory('alice')
    mkdirSync(join(home, 'keys'))
    mkdirSync(join(home, '.config/fish/completions'), { recursive: true })
    const started = async (name: string) => {
      const server = await startCountersign(await teardown.temporaryDirectory(name))
      teardown.add(server.stop)
      writeFileSync(join(home, 'keys', `${name}.key`), `${server.bootstrapKey}\n`)
      return server
    }
    production = await started('production')
    staging = await started('staging')
    await staging.make('/groups', { name: 'media' })
    await staging.make('/clients', { id: 'only-here' })
    await staging.make('/resources', WEBDAV)
    // What the guide speaks of as being there already.
    await shell('contexts')
    await shell('switch')
    changed = await shell('change')
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const environment = () => ({ HOME: home, PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}` })
  const bash = (script: string) => run(['bash', '-euo', 'pipefail', '-c', script], { cwd: home, env: environment() })
  const blockOf = (name: string) =>
    guideBlock('command-line.md', name)
      .replaceAll('https://auth.example.com', production.url)
      .replaceAll('https://auth.staging.example.com', staging.url)
  async function shell(name: string) {
    const done = await bash(blockOf(name))
    expect(done).toMatchObject({ exitCode: 0 })
    return done
  }
  const headings = (text: string) => (/^(NAME|TIME) .*$/m.exec(text)?.[0] ?? '').split(/ {2,}/)

  test(
    'a context is a name for a server and its key, and one is current',
    async () => {
      const { stdout } = await shell('contexts')
      expect(headings(stdout)).toEqual(headings(/^NAME .*$/m.exec(readFileSync(GUIDE, 'utf8'))?.[0] ?? ''))
      expect(stdout).toContain(`${staging.url}  ${home}/keys/staging.key`)
      expect(stdout).toMatch(/^staging \(current\)/m)
      const { stdout: shown } = await shell('switch')
      expect(shown).toContain('only-here')
      expect(shown).toContain(staging.url)
      expect((await shell('me')).stdout).toContain('bootstrap')
      const config = readFileSync(join(home, '.config/countersign/config.yaml'), 'utf8')
      expect(config).not.toContain(staging.bootstrapKey)
    },
    PATIENCE_MS,
  )

  test(
    'what is said more exactly wins',
    async () => {
      const asked = async (variables: string, options = '') =>
        (await bash(`${variables} countersign ${options} client list --json`)).stdout.includes('only-here')
      expect(await asked('')).toBe(true)
      expect(await asked('', '--context production')).toBe(false)
      expect(await asked('COUNTERSIGN_CONTEXT=production')).toBe(false)
      expect(await asked('COUNTERSIGN_CONTEXT=production', '--context staging')).toBe(true)
      const local = `COUNTERSIGN_LISTEN=${production.address} COUNTERSIGN_KEY=${production.bootstrapKey}`
      expect(await asked(local)).toBe(false)
      expect(await asked(local, '--context staging')).toBe(true)
      const both = await bash(
        'COUNTERSIGN_SERVER=http://127.0.0.1:1 COUNTERSIGN_CONTEXT=staging countersign client list',
      )
      expect(both.exitCode).toBe(2)
    },
    PATIENCE_MS,
  )

  test(
    'lists, changes and what is interesting in a script end as they are said to',
    async () => {
      expect((await shell('lists')).stdout).toContain('client:canister')
      expect(changed.stderr).toMatch(/In force at every server \(1 of 1\)/)
      expect(readFileSync(join(home, 'canister.key'), 'utf8')).toMatch(/^cs_key_\S+\n$/)
      const { stdout } = await shell('script')
      expect([stdout, JSON.parse(readFileSync(join(home, 'canister.json'), 'utf8')).id]).toEqual(['', 'canister'])
      const statuses = [
        ['client show nobody', 3],
        ['client show', 2],
        ['--server http://127.0.0.1:1 --key-file keys/staging.key client list', 4],
        ['--key-file canister.key client list', 5],
      ] as const
      for (const [command, status] of statuses) expect((await bash(`countersign ${command}`)).exitCode).toBe(status)
    },
    PATIENCE_MS,
  )

  test(
    'a refusal is shown as it happens',
    async () => {
      const watching = await startProgram({
        name: 'decision list --follow',
        command: ['bash', '-c', `exec ${blockOf('follow')}`],
        cwd: home,
        env: environment(),
        ready: () => true,
      })
      teardown.add(watching.stop)
      await until('it to watch', () => watching.log().includes('TIME'))
      expect(headings(watching.log())).toEqual(headings(guideText('STATUS')))
      await fetch(`${staging.url}/verify/forward`, {
        headers: {
          ...{ authorization: `Bearer ${readFileSync(join(home, 'canister.key'), 'utf8').trim()}` },
          ...{ 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/films/', 'x-forwarded-proto': 'https' },
          ...{ 'x-forwarded-host': 'webdav.example.com', 'x-forwarded-for': '192.0.2.7' },
        },
      })
      await until('the refusal', () => /credential_revoked .*client:canister/.test(watching.log()))
    },
    PATIENCE_MS,
  )

  test(
    'completion knows contexts',
    async () => {
      for (const shellName of ['bash', 'zsh', 'fish']) await shell(`completion-${shellName}`)
      expect(readFileSync(join(home, '.config/fish/completions/countersign.fish'), 'utf8')).toContain('complete')
      const completed = [
        'source ~/.bashrc',
        'COMP_WORDS=(countersign context use pro) COMP_CWORD=3',
        '$(complete -p countersign | sed "s/.*-F \\([^ ]*\\).*/\\1/")',
        'echo $COMPREPLY',
      ]
      const { stdout } = await bash(completed.join('\n'))
      expect(stdout).toBe('production\n')
    },
    PATIENCE_MS,
  )
})

function guideText(of: string): string {
  return (
    readFileSync(GUIDE, 'utf8')
      .split('\n')
      .find((line) => line.startsWith('TIME') && line.includes(of)) ?? ''
  )
}
