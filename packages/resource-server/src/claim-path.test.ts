import { expect, test } from 'bun:test'
import { claimAt } from './claim-path.ts'
import type { Claims } from './jwt.ts'

const CLAIMS = JSON.parse(`{
  "groups": ["a"],
  "realm_access": { "roles": ["b"] },
  "kubernetes.io": { "serviceaccount": { "uid": "c" }, "x.y": { "z": "d" } },
  "kubernetes": { "io": { "serviceaccount": { "uid": "never" } } },
  "https://example.com/groups": "e",
  "a.b": 1, "a": { "b": 2, "c": 3, "b.c": 4 },
  "nothing": null, "list": [{ "x": 5 }], "text": "t",
  "__proto__": { "groups": "f", "b": "g" },
  "own": { "__proto__": { "b": "h" } }
}`) as Claims

const rows: readonly [path: string, found: unknown][] = [
  ['groups', ['a']],
  ['realm_access.roles', ['b']],
  ['kubernetes.io.serviceaccount.uid', 'c'],
  ['kubernetes.io.x.y.z', 'd'],
  ['https://example.com/groups', 'e'],
  ['a.b', 1],
  ['a.c', 3],
  // The longest name that is there is taken, and what is not below it is not looked for elsewhere.
  ['a.b.c', undefined],
  ['nothing', null],
  ['nothing.x', undefined],
  ['list.0', undefined],
  ['list.0.x', undefined],
  ['list.length', undefined],
  ['text.length', undefined],
  ['text.0', undefined],
  ['missing', undefined],
  ['realm_access', { roles: ['b'] }],
  ['realm_access.', undefined],
  ['.groups', undefined],
  ['', undefined],
  ['.', undefined],
  ['constructor', undefined],
  ['constructor.name', undefined],
  ['toString', undefined],
  ['own.constructor', undefined],
  ['own.b', undefined],
  ['own.hasOwnProperty', undefined],
]
for (const [path, found] of rows) {
  test(`«${path}» is ${JSON.stringify(found)}`, () => expect(claimAt(CLAIMS, path)).toEqual(found))
}

test('a member called __proto__ is one like any other, and no prototype', () => {
  expect(claimAt(CLAIMS, '__proto__.b')).toBe('g')
  expect(claimAt(CLAIMS, 'own.__proto__.b')).toBe('h')
  expect(claimAt({ a: {} }, 'a.__proto__.b')).toBeUndefined()
  expect(claimAt({ a: {} }, 'a.__proto__')).toBeUndefined()
})
