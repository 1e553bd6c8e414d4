// The first minute with Countersign: a machine without a browser, a WebDAV server that knows nothing of keys, and
// Caddy between them. Everything is real and runs on this machine only.
//
//   npm run demo                  runs to its end
//   npm run demo -- --postgres    the same over two servers on one PostgreSQL: what one revokes, the other refuses
//   npm run demo -- --stay        leaves everything running, to paste the lines, until Ctrl-C

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '../../packages/server/src/store/testing/postgres-server.ts'
import { startCaddy } from '../../test/support/caddy.ts'
import { missingPrograms } from '../../test/support/installed.ts'
import { run } from '../../test/support/program.ts'
import { openWebdavScene, type Scene } from '../../test/support/stage.ts'
import { Teardown } from '../../test/support/teardown.ts'
import { Narrator } from './narrator.ts'

const OPTIONS = ['--postgres', '--stay']
const unknown = process.argv.slice(2).filter((word) => !OPTIONS.includes(word))
if (unknown.length > 0) {
  console.error(`npm run demo -- ${unknown.join(' ')}: expected ${OPTIONS.join(' or ')}`)
  process.exit(64)
}
const missing = missingPrograms(['caddy', 'rclone', 'curl'])
if (missing !== undefined) {
  console.error(missing)
  process.exit(69)
}

const teardown = new Teardown()
const narrator = new Narrator(await teardown.temporaryDirectory('demo'))
try {
  const databaseUrl = process.argv.includes('--postgres') ? await startPostgres() : undefined
  const scene = await openWebdavScene(startCaddy, { databaseUrl })
  teardown.add(scene.close)
  await tell(scene)
} finally {
  await teardown.run()
}

async function tell(scene: Scene): Promise<void> {
  const { url, host, server, verifier } = scene
  const hasTwo = verifier !== server
  const secrets: Record<string, string> = {}
  const newKey = async (variable: string, body: object) => {
    const { id, key } = await server.make('/clients/canister/keys', body)
    secrets[variable] = String(key)
    return String(id)
  }
  const served = () => {
    const headers = scene.recorder.take().at(-1)?.headers
    const told = ['Remote-User', 'Remote-Scopes', 'Authorization'].map(
      (name) => `${name}: ${headers?.get(name) ?? '–'}`,
    )
    narrator.note(
      headers === undefined ? 'the WebDAV server was not asked' : `the WebDAV server saw ${told.join(' · ')}`,
    )
  }
  const command = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await server.countersign(...args)
    if (exitCode !== 0) throw new Error(`countersign ${args.join(' ')} ended with ${exitCode}: ${stderr}`)
    return stdout + stderr
  }
  const passes = async (line: string) => {
    await narrator.curl(line, secrets)
    served()
  }
  const refused = async (line: string) => {
    const { decision } = await narrator.curl(line, secrets)
    served()
    if (decision === undefined) throw new Error('a refusal without a decision')
    narrator.output(`countersign why ${decision}`, await command('why', decision))
  }

  narrator.say(
    '',
    'Who may pass, and who is it?',
    '',
    ...(hasTwo
      ? [
          `Countersign  auth-1 at ${server.url}, auth-2 at ${verifier.url}, both on one PostgreSQL`,
          `Caddy        ${url}, with the site of docs/guides/caddy.md; it asks auth-2`,
          'WebDAV       rclone, reached through Caddy only',
          'Commands     speak to auth-1',
        ]
      : [
          `Countersign  ${server.url}`,
          `Caddy        ${url}, with the site of docs/guides/caddy.md`,
          'WebDAV       rclone, reached through Caddy only',
        ]),
  )

  narrator.chapter('What is protected, and who may do what, is said in a file')
  const shown = await readFile(join(import.meta.dir, 'countersign.yaml'), 'utf8')
  const declared = shown.replace('hosts: [webdav.example.com]', `hosts: ['${host}']`)
  const file = join(await teardown.temporaryDirectory('declared'), 'countersign.yaml')
  await writeFile(file, declared)
  narrator.output('cat countersign.yaml', declared)
  narrator.output('countersign apply -f countersign.yaml', await command('apply', '-f', file))
  const keyId = await newKey('KEY', { name: 'laptop' })
  await newKey('READ_ONLY_KEY', { name: 'reader', scopes: ['files:read'] })
  narrator.say('', 'The client "canister" has a key now, $KEY, and one that only reads, $READ_ONLY_KEY.')
  if (process.argv.includes('--stay'))
    narrator.say('', ...Object.entries(secrets).map(([name, key]) => `${name}=${key}`))

  narrator.chapter('A key passes, and the service learns who called')
  await passes(`curl -i -H "Authorization: Bearer $KEY" -X PUT -d 'la la la' ${url}/song.txt`)

  narrator.chapter('So does a client that only knows user and password')
  await passes(`curl -i -u "canister:$KEY" ${url}/song.txt`)
  const rclone = `rclone lsf :webdav: --webdav-url ${url} --webdav-bearer-token "$KEY"`
  narrator.output(rclone, (await run(['bash', '-c', rclone], { env: { ...secrets, HOME: '/nonexistent' } })).stdout)
  served()

  narrator.chapter('Nobody can say they are somebody else')
  const lies = `-H 'Remote-User: admin' -H 'Remote_User: admin' -H 'Connection: Remote-User'`
  await passes(`curl -i -u "canister:$KEY" ${lies} ${url}/song.txt`)

  narrator.chapter('Without a key: refused')
  await refused(`curl -i ${url}/song.txt`)

  narrator.chapter('With a wrong key: refused')
  await refused(`curl -i -u "canister:\${KEY%?}" ${url}/song.txt`)

  narrator.chapter('With a key that may only read, to delete: refused')
  await refused(`curl -i -X DELETE -H "Authorization: Bearer $READ_ONLY_KEY" ${url}/song.txt`)

  narrator.chapter('With a path that means two things: refused')
  await refused(`curl -i --path-as-is -u "canister:$KEY" ${url}/music/../song.txt`)

  if (hasTwo) {
    narrator.chapter('With a key that was revoked at auth-1 a moment ago: refused by auth-2')
    narrator.output('countersign nodes', await command('nodes'))
    const line = ['revoke', keyId, '--reason', 'leaked', '--wait']
    narrator.output(`countersign ${line.join(' ')}`, await command(...line))
  } else {
    narrator.chapter('With a key that was revoked a moment ago: refused')
    const line = ['revoke', keyId, '--reason', 'leaked']
    narrator.output(`countersign ${line.join(' ')}`, await command(...line))
  }
  await refused(`curl -i -u "canister:$KEY" ${url}/song.txt`)

  if (process.argv.includes('--stay')) {
    narrator.say('', '', 'Everything is still running. Ctrl-C stops it.')
    await new Promise((resolve) => process.once('SIGINT', resolve))
  }
  narrator.say('', '')
}
