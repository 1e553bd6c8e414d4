// People and their tokens, by the commands alone, at a real server.

import { afterAll, expect, test } from 'bun:test'
import { startRealServer } from '../testing/real-server.ts'
import type { World } from '../testing/test-terminal.ts'

const server = await startRealServer({ COUNTERSIGN_PAT_BY_PAT: 'allow' })
afterAll(() => server.stop())

/** Runs a command that must end well, and gives what it printed. */
async function done(line: string, world: World = {}): Promise<string> {
  const { code, out, err } = await server.run(line, world)
  expect({ line, code, failure: code === 0 ? '' : err }).toEqual({ line, code: 0, failure: '' })
  return out
}

const as = (token: string): World => ({ env: { COUNTERSIGN_KEY: token.trim() } })

await done('group create developers')
await done('user create alice --name Alice --email alice@example.com --group developers')
await done('user create bob')
await done(
  'resource create forge --identifier https://git.example.com --host git.example.com --scope repo:read --scope repo:write --rule /:project/**~repo:read',
)
await done('permission create --group developers --resource forge --scope *:read')

test('an administrator makes the first token, and its user goes on alone', async () => {
  const first = as(await done('pat create --user alice --name first --resource countersign'))
  expect(await done('me', first)).toMatch(/principal +user:alice\n/)
  expect(await done('me resources', first)).toMatch(/forge +git\.example\.com +repo:read +none +all\n/)

  const made = await server.run('pat create --name second --resource countersign --expires 5d', first)
  expect(made.out).toMatch(/^cs_pat_[0-9A-Za-z]{49}\n$/)
  expect(made.err).toContain('of user alice: countersign; expires: ')
  const [second] = JSON.parse(await done('pat list --json', as(made.out))).items.filter(
    ({ name }: { name: string }) => name === 'second',
  )
  expect(await done(`pat show ${second.id}`, first)).toMatch(/owner +user:alice\n/)

  const rotated = as(await done(`pat rotate ${second.id} --overlap 5m`, first))
  expect(await done('me', rotated)).toContain('user:alice')
  const family = await done(`revoke ${second.id} --family --reason lost`, first)
  expect(family.match(/ {2}revoked\n/g)).toHaveLength(2)
  expect((await server.run('me', rotated)).code).toBe(5)
  expect(await done('me', first)).toContain('user:alice')
})

test('nobody reaches the tokens of somebody else', async () => {
  const hers = await done('pat create --user alice --name hers')
  const { items } = JSON.parse(await done('pat list --user alice --json'))
  const id = items.find(({ name }: { name: string }) => name === 'hers').id
  const his = as(await done('pat create --user bob --resource countersign'))
  expect(await done('pat list', his)).not.toContain(id)
  for (const line of [`pat show ${id}`, `pat rotate ${id}`, `revoke ${id}`]) {
    expect((await server.run(line, his)).code).toBe(3)
  }
  for (const line of ['pat list --user alice', 'pat create --user alice', 'revoke --user alice', 'user show alice']) {
    expect((await server.run(line, his)).code).toBe(5)
  }
  expect(hers).toStartWith('cs_pat_')
})

test('a token that names no resource reaches not this API, and it is said how one does', async () => {
  const { code, err } = await server.run('me', as(await done('pat create --user alice')))
  expect(code).toBe(5)
  expect(err).toContain('--resource countersign when it is made')
})

test('what ends soon is found among all that there is', async () => {
  await done('pat create --user bob --name soon --expires 3d')
  await done('pat create --user bob --name sooner --expires 2d')
  const found = await done('credentials expiring --within 4d --owner user:bob --kind pat')
  expect(found.match(/sooner|soon/g)).toEqual(['sooner', 'soon'])
  expect((await server.run('credentials expiring --within 4d --owner user:bob --fail')).code).toBe(1)
  const none = await server.run('credentials expiring --within 1d --owner user:bob --fail')
  expect(none).toMatchObject({ code: 0, out: '' })
})

test('what was rotated is marked with what follows it, and fails no check while that lives longer', async () => {
  await done('client create turner')
  await done('secret create turner --expires 9d')
  await done('key create turner --expires 9d')
  const ending = async (fail = '') => server.run(`credentials expiring --within 4d --owner client:turner --json${fail}`)
  const idOf = async (noun: string) => JSON.parse(await done(`${noun} list turner --json`)).items as { id: string }[]
  const old = (await idOf('secret'))[0]?.id ?? ''
  const { id: next } = JSON.parse(await done(`secret rotate ${old} --overlap 1h --json`)) as { id: string }
  const { code, out } = await ending(' --fail')
  expect({ code, items: JSON.parse(out).items }).toMatchObject({ code: 0, items: [{ id: old, replaced_by: next }] })
  expect(await done('credentials expiring --within 4d --owner client:turner')).toContain(next)

  await done(`secret revoke ${next}`)
  const alone = await ending(' --fail')
  expect([alone.code, JSON.parse(alone.out).items]).toMatchObject([1, [{ id: old, replaced_by: null }]])
})

test('members go in and out of a group, and a group that is off gives nothing', async () => {
  await done('client create robot')
  await done('group add developers user:bob client:robot')
  expect(await done('group show developers')).toMatch(/members +client:robot\n +user:alice\n +user:bob\n/)
  const his = as(await done('pat create --user bob --resource countersign'))
  expect(await done('me resources', his)).toContain('forge')
  await done('group disable developers')
  expect(await done('me resources', his)).not.toContain('forge')
  await done('group enable developers')
  await done('group remove developers user:bob client:robot')
  expect(await done('me resources', his)).not.toContain('forge')
})

test('a user who is disabled is nobody at the next request, and comes back', async () => {
  const hers = as(await done('pat create --user alice --resource countersign'))
  await done('user disable alice')
  const { err } = await server.run('pat create --user alice --name late --expires 1h')
  expect(err).toContain('It is refused while its owner is disabled. To change that: countersign user enable alice\n')
  expect((await server.run('me', hers)).code).toBe(5)
  await done('user enable alice')
  expect(await done('me', hers)).toContain('user:alice')
})

test('a password is set and taken away; nothing shows it', async () => {
  const files = { password: 'correct horse battery\n' }
  await done('user password bob --password-file password', { files })
  expect(await done('user show bob')).toMatch(/password +set\n/)
  expect(await done('user show bob --json')).not.toContain('horse')
  await done('user password bob --remove')
  expect(await done('user show bob')).toMatch(/password +none\n/)
})

test('revoking of what is old, and of all of a user, says how many', async () => {
  await done('user create carol')
  const hers = as(await done('pat create --user carol --resource countersign'))
  expect(await done('revoke --user carol --created-before 1d')).toStartWith('Revoked 0 credentials of user carol')
  expect(await done('me', hers)).toContain('user:carol')
  expect(await done('revoke --user carol --reason gone')).toStartWith('Revoked 1 credential of user carol')
  expect((await server.run('me', hers)).code).toBe(5)
  expect(await done('revoke --all pat --created-before 1d --yes')).toStartWith('Revoked 0 credentials')
})

test('a username is never given again', async () => {
  await done('user create dave')
  await done('user delete dave')
  const { code, err } = await server.run('user create dave')
  expect(code).toBe(1)
  expect(err).toContain('id_retired')
})
