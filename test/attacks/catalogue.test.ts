// No attack of the catalogue is forgotten, and none is said to be held by a test that is not there.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BY_PROXIES } from './by-proxies.ts'
import { CATALOGUE } from './catalogue.ts'
import { NOT_YET } from './not-yet.ts'
import { VECTORS } from './vectors/all.ts'
import { EXTERNAL_JWT_VECTORS } from './vectors/external-jwt.ts'
import { JWT_VECTORS } from './vectors/jwts.ts'

const ID = '(?:HDR|JWT|OPQ|FWD|OAU|ADM|DOS|OPS)-[0-9]{2}'

/** Ids at the head of the names of tests, of rows that tests are made of, and of vectors, which are all run. */
function idsTested(): Set<string> {
  // What takes servers apart is tested where the promises are.
  const texts = [import.meta.dir, join(import.meta.dir, '../promises')].flatMap((folder) => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
    return names.map((name) => readFileSync(join(folder, name), 'utf8'))
  })
  const heads = texts.flatMap((text) => [
    ...text.matchAll(
      new RegExp(`(?:\\b(?:test|describe)(?:\\.\\w+)*(?:\\([^()]*\\))?\\(|\\[)\\s*['\`"]((?:${ID}:? )+)`, 'g'),
    ),
  ])
  const vectors = [...VECTORS, ...JWT_VECTORS, ...EXTERNAL_JWT_VECTORS]
  const names = [...heads.map((match) => match[1] ?? ''), ...vectors.map(({ name }) => name)]
  return new Set(names.flatMap((name) => name.match(new RegExp(ID, 'g')) ?? []))
}

const tested = idsTested()
const others = [...Object.keys(BY_PROXIES), ...Object.keys(NOT_YET)]

test('every attack is tested here, before a proxy, or waits for what it is about', () => {
  expect(Object.keys(CATALOGUE).filter((id) => !tested.has(id) && !others.includes(id))).toEqual([])
})

test('no attack is tested, or excused, that is not in the catalogue', () => {
  expect([...tested, ...others].filter((id) => CATALOGUE[id] === undefined)).toEqual([])
})

test('what waits is not tested yet: the row leaves with the test', () => {
  expect(Object.keys(NOT_YET).filter((id) => tested.has(id) || BY_PROXIES[id] !== undefined)).toEqual([])
})

for (const [id, { file, names }] of Object.entries(BY_PROXIES)) {
  test(`${id} is held by ${file}, which the suites of the proxies run`, () => {
    const text = readFileSync(join(import.meta.dir, '../support/proxied', file), 'utf8')
    expect(names.filter((name) => !text.includes(name))).toEqual([])
    const cases = /export function (\w+)\(/.exec(text)?.[1] ?? 'no cases'
    for (const suite of ['caddy.test.ts', 'nginx.test.ts', 'haproxy.test.ts']) {
      expect(readFileSync(join(import.meta.dir, '../e2e', suite), 'utf8')).toContain(`${cases}(`)
    }
  })
}
