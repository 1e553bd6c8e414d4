import { expect, test } from 'bun:test'
import { findPermission, insertPermission } from './permissions.ts'
import {
  deleteResource,
  findResource,
  findResourceClash,
  insertResource,
  type ResourceWrite,
  updateResource,
} from './resources.ts'
import { acceptedOf, permissionOf, resourceWrite } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a resource', (at) => {
  test('comes back as it was put in, with its hosts and its rules compiled', async () => {
    const write = resourceWrite('webdav', { hosts: ['b.example.com', 'a.example.com'], disabled: true })
    await at.run((running) => insertResource(running, write))
    expect(await findResource(at.reader, 'webdav')).toMatchObject({
      identifier: 'https://webdav.example.com',
      hosts: ['a.example.com', 'b.example.com'],
      disabled: true,
      definitions: write.rules,
      rules: [{ index: 0, require: { scopes: ['files:read'], public: false } }],
    })
  })

  test('takes its hosts and the permissions on it along when it is deleted', async () => {
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    await at.run((running) => insertPermission(running, permissionOf('perm_1')))
    await at.run((running) => deleteResource(running, 'webdav'))
    expect(await findPermission(at.reader, 'perm_1')).toBeUndefined()
    await at.run((running) => insertResource(running, resourceWrite('heir', { hosts: ['webdav.example.com'] })))
    expect((await findResource(at.reader, 'heir'))?.hosts).toEqual(['webdav.example.com'])
  })

  test('clashes with another of the same identifier or host, never with itself', async () => {
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    const clash = (changed: Partial<ResourceWrite>, name = 'other') =>
      findResourceClash(at.reader, resourceWrite(name, changed))
    expect(await clash({})).toBeUndefined()
    expect(await clash({ hosts: [] })).toBeUndefined()
    expect(await clash({ identifier: 'https://webdav.example.com' })).toContain('identifier')
    expect(await clash({ hosts: ['x.example.com', 'webdav.example.com'] })).toContain('webdav.example.com')
    expect(await clash({}, 'webdav')).toBeUndefined()
  })

  test('cannot take a host from another, and keeps its own when it tried', async () => {
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    await at.run((running) => insertResource(running, resourceWrite('forge')))
    const greedy = resourceWrite('forge', { hosts: ['webdav.example.com'] })
    await expect(at.run((running) => updateResource(running, greedy))).rejects.toThrow()
    expect((await findResource(at.reader, 'forge'))?.hosts).toEqual(['forge.example.com'])
  })

  const body = (changed: object) => {
    const { name: _name, identifier: _identifier, hosts: _hosts, disabled: _disabled, ...rest } = resourceWrite('x')
    return JSON.stringify({ ...rest, ...changed })
  }
  const corrupt: [what: string, body: string][] = [
    ['empty', ''],
    ['cut off', body({}).slice(0, -1)],
    ['null', 'null'],
    ['without scopes', body({ scopes: undefined })],
    ['without rules', body({ rules: undefined })],
    ['with a rule of a malformed path', body({ rules: [{ path: 'files' }] })],
    ['with a rule of no path', body({ rules: [{}] })],
    ['with a rule of a malformed method', body({ rules: [{ path: '/**', methods: ['get it'] }] })],
    ['with a rule that is null', body({ rules: [null] })],
    ['with a rule for an undeclared scope', body({ rules: [{ path: '/**', require: { scopes: ['a:b'] } }] })],
    ['with a rule for a malformed network', body({ rules: [{ path: '/**', require: { networks: ['x'] } }] })],
    [
      'with a rule that is public and asks',
      body({ rules: [{ path: '/**', require: { public: true, roles: ['x'] } }] }),
    ],
    ['with a rule whose scopes are no list', body({ rules: [{ path: '/**', require: { scopes: 'files:read' } }] })],
  ]
  test('of before scopes could be described has none that is', async () => {
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    await at.writer
      .updateTable('resource')
      .set({ body: body({ scope_details: undefined }) })
      .execute()
    expect(await findResource(at.reader, 'webdav')).toMatchObject({ scopeDetails: {} })
  })

  test('whose body cannot be read is an error', async () => {
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    const accepted = await acceptedOf(corrupt, async ([, text]) => {
      await at.writer.updateTable('resource').set({ body: text }).execute()
      return [() => findResource(at.reader, 'webdav')]
    })
    expect(accepted).toEqual([])
  })
})
