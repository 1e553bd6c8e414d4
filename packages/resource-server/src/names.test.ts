import { describe, expect, test } from 'bun:test'
import { isReservedName, parseName, parseRoleOrGroupName } from './names.ts'

describe('names of nouns, and of roles and groups', () => {
  const rows: [text: string, isName: boolean, isRoleOrGroupName: boolean][] = [
    ['canister', true, true],
    ['7', true, true],
    ['alice@example.com', true, true],
    ['a.b_c-d', true, true],
    ['a'.repeat(63), true, true],
    ['team:media', false, true],
    ['client:canister', false, true],
    ['', false, false],
    ['a'.repeat(64), false, false],
    ['Alice', false, false],
    ['.hidden', false, false],
    ['-a', false, false],
    ['@a', false, false],
    [':a', false, false],
    ['a b', false, false],
    ['a,b', false, false],
    ['a/b', false, false],
    ['a\n', false, false],
    ['bücher', false, false],
    ['a%', false, false],
    ['*', false, false],
  ]
  test.each(rows)('%p: %p, %p', (text, isName, isRoleOrGroupName) => {
    expect(parseName(text)).toBe(isName ? text : undefined)
    expect(parseRoleOrGroupName(text)).toBe(isRoleOrGroupName ? text : undefined)
  })
})

describe('reserved', () => {
  const rows: [name: string, reserved: boolean][] = [
    ['countersign', true],
    ['countersign-admin', true],
    ['countersignx', true],
    ['countersign:admins', true],
    ['bootstrap', true],
    ['anonymous', true],
    ['users', true],
    ['clients', true],
    ['workloads', true],
    ['none', true],
    ['user', false],
    ['users2', false],
    ['my-countersign', false],
    ['constructor', false],
  ]
  test.each(rows)('%p: %p', (name, reserved) => {
    expect(isReservedName(name)).toBe(reserved)
  })
})
