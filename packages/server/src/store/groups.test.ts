import { expect, test } from 'bun:test'
import { findClient, insertClient } from './clients.ts'
import { deleteGroup, findGroup, insertGroup, listMembers } from './groups.ts'
import { findPermission, insertPermission } from './permissions.ts'
import { clientWrite, permissionOf } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a group', (at) => {
  test('takes its memberships and permissions along when it is deleted', async () => {
    const holder = { kind: 'group', id: 'media' } as const
    await at.run((running) => insertGroup(running, { name: 'media', description: 'films', disabled: false }, null))
    await at.run((running) => insertClient(running, clientWrite('canister', { groups: ['media'] }), null))
    await at.run((running) => insertPermission(running, { ...permissionOf('perm_1'), holder }))
    expect(await findGroup(at.reader, 'media')).toMatchObject({ description: 'films', revision: 1 })
    expect(await listMembers(at.reader, 'media')).toEqual(['client:canister'])
    await at.run((running) => deleteGroup(running, 'media'))
    expect(await listMembers(at.reader, 'media')).toEqual([])
    expect((await findClient(at.reader, 'canister'))?.groups).toEqual([])
    expect(await findPermission(at.reader, 'perm_1')).toBeUndefined()
  })
})
