import { expect, test } from 'bun:test'
import {
  findPermission,
  insertPermission,
  listPermissions,
  listPermissionsOf,
  updatePermissionManagedBy,
} from './permissions.ts'
import type { Tables } from './schema.ts'
import { acceptedOf, permissionOf, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a permission', (at) => {
  test('comes back as it was put in', async () => {
    await at.run((running) => insertPermission(running, permissionOf('perm_1')))
    expect(await findPermission(at.reader, 'perm_1')).toEqual({
      ...permissionOf('perm_1'),
      managedBy: null,
      createdAt: T0,
    })
  })

  test('is declared by what it was made by, or was given to since', async () => {
    await at.run((running) => insertPermission(running, permissionOf('perm_1'), 'platform'))
    expect((await findPermission(at.reader, 'perm_1'))?.managedBy).toBe('platform')
    await at.run((running) => updatePermissionManagedBy(running, 'perm_1', null))
    expect((await findPermission(at.reader, 'perm_1'))?.managedBy).toBeNull()
  })

  test('is found by holder and resource', async () => {
    await at.run((running) => insertPermission(running, permissionOf('perm_1')))
    const group = { kind: 'group', id: 'canister' } as const
    await at.run((running) => insertPermission(running, { ...permissionOf('perm_2'), holder: group }))
    const { holder } = permissionOf('')
    const found = await listPermissions(at.reader, { holder, resource: 'webdav' })
    expect(found.map(({ id }) => id)).toEqual(['perm_1'])
    const idsOf = async (resource: string, holders: Parameters<typeof listPermissionsOf>[2]) =>
      (await listPermissionsOf(at.reader, resource, holders)).map(({ id }) => id)
    expect(await idsOf('webdav', [{ kind: 'user', id: 'canister' }, group])).toEqual(['perm_2'])
    expect(await idsOf('webdav', [{ kind: 'user', id: 'canister' }])).toEqual([])
    expect(await idsOf('webdav', [])).toEqual([])
    expect(await idsOf('forge', [holder])).toEqual([])
  })

  // A row that was damaged must not read as "in all projects", nor give what nobody wrote.
  const NO_LIST = ['', '{', 'null', '{}', '"admin"', '0', 'false', '[1]', '[null]']
  const damages: [column: keyof Tables['permission'], values: string[]][] = [
    ['scopes', NO_LIST],
    ['roles', NO_LIST],
    ['projects', [...NO_LIST, '[]']],
    ['holder_kind', ['', 'CLIENT', 'everybody']],
  ]
  test.each(damages)('whose %s cannot be read is an error', async (column, values) => {
    await at.run((running) => insertPermission(running, permissionOf('perm_1')))
    const accepted = await acceptedOf(values, async (value) => {
      const update = at.writer.updateTable('permission').set({ [column]: value })
      await update.where('id', '=', 'perm_1').execute()
      return [() => findPermission(at.reader, 'perm_1')]
    })
    expect(accepted).toEqual([])
  })
})
