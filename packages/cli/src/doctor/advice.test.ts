import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADVICE, type AdviceId, advised, PROXY_NAMES, proxiesFor } from './advice.ts'

const guides = join(import.meta.dir, '../../../../docs/guides')

for (const proxy of PROXY_NAMES) {
  test(`every line that is advised for ${proxy} stands in its guide, word for word`, () => {
    const lines = readFileSync(join(guides, `${proxy}.md`), 'utf8')
      .split('\n')
      .map((line) => line.trim())
    const advice = Object.values(ADVICE).flatMap((one) => [...one[proxy]])
    expect(advice.filter((line) => !lines.includes(line.trim()))).toEqual([])
  })
}

test('advice is for the proxy that is named, else for the one that names itself, else for all', () => {
  expect(proxiesFor('haproxy', 'Caddy')).toEqual(['haproxy'])
  expect(proxiesFor(undefined, 'nginx/1.22.1')).toEqual(['nginx'])
  expect(proxiesFor(undefined, 'wsgidav')).toEqual([...PROXY_NAMES])
  expect(() => proxiesFor('apache', undefined)).toThrow('--proxy')
})

test('each proxy has a line for each hole', () => {
  for (const id of Object.keys(ADVICE) as AdviceId[]) {
    for (const proxy of PROXY_NAMES) expect(advised(id, [proxy]).length).toBeGreaterThan(1)
  }
})
