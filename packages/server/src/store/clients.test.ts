import { expect, test } from 'bun:test'
import { deleteClient, findClient, insertClient, updateClient } from './clients.ts'
import { findCredential } from './credentials.ts'
import { insertGroup, listMembers } from './groups.ts'
import { findPermission, insertPermission } from './permissions.ts'
import { acceptedOf, clientWrite, permissionOf, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a client', (at) => {
  test('comes back as it was put in, with its groups', async () => {
    for (const name of ['a', 'b'])
      await at.run((running) => insertGroup(running, { name, description: '', disabled: false }, null))
    const write = clientWrite('canister', {
      groups: ['b', 'a'],
      networkTexts: ['192.0.2.0/24'],
      accessTokenTtlSeconds: 60,
      defaultResource: 'webdav',
      listener: 'internal',
      disabled: true,
    })
    await at.run((running) => insertClient(running, write, 'file'))
    const found = await findClient(at.reader, 'canister')
    expect(found?.networks).toHaveLength(1)
    expect({ ...found, networks: undefined } as unknown).toEqual({
      ...write,
      groups: ['a', 'b'],
      managedBy: 'file',
      createdAt: T0,
      revision: 3,
    })
  })

  test('loses the groups that an update does not name', async () => {
    for (const name of ['a', 'b'])
      await at.run((running) => insertGroup(running, { name, description: '', disabled: false }, null))
    await at.run((running) => insertClient(running, clientWrite('canister', { groups: ['a', 'b'] }), null))
    await at.run((running) => updateClient(running, clientWrite('canister', { groups: ['b'] })))
    expect((await findClient(at.reader, 'canister'))?.groups).toEqual(['b'])
    expect(await listMembers(at.reader, 'a')).toEqual([])
  })

  test('takes its memberships and permissions along when it is deleted, and leaves its credentials', async () => {
    await at.run((running) => insertGroup(running, { name: 'media', description: '', disabled: false }, null))
    await at.run((running) => insertClient(running, clientWrite('canister', { groups: ['media'] }), null))
    await at.insertKey('key_1')
    await at.run((running) => insertPermission(running, permissionOf('perm_1')))
    await at.run((running) => deleteClient(running, 'canister'))
    expect(await findClient(at.reader, 'canister')).toBeUndefined()
    expect(await listMembers(at.reader, 'media')).toEqual([])
    expect(await findPermission(at.reader, 'perm_1')).toBeUndefined()
    expect((await findCredential(at.reader, 'key_1'))?.owner.id).toBe('canister')
  })

  test('cannot be in a group that does not exist', async () => {
    const inserted = at.run((running) => insertClient(running, clientWrite('canister', { groups: ['none'] }), null))
    await expect(inserted).rejects.toThrow()
    expect(await findClient(at.reader, 'canister')).toBeUndefined()
  })

  test('whose body cannot be read is an error', async () => {
    await at.run((running) => insertClient(running, clientWrite('canister'), null))
    const nowhere = ['"nowhere"', '["nowhere"]', '[1]', '{}'].map((list) => `{"grants":[],"networks":${list}}`)
    const accepted = await acceptedOf(['', '{', 'null', '[]', '"x"', ...nowhere], async (body) => {
      await at.writer.updateTable('client').set({ body }).where('id', '=', 'canister').execute()
      return [() => findClient(at.reader, 'canister')]
    })
    expect(accepted).toEqual([])
  })
})
