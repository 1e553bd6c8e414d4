import { expect, test } from 'bun:test'
import { makeLog } from './logging.ts'

test('neither a credential of ours nor a JWT is logged, should an error hold one', () => {
  const lines: string[] = []
  const log = makeLog('info', { write: (line) => lines.push(line) })
  const key = `cs_key_${'a'.repeat(49)}`
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'
  log.error({ err: new Error(`cannot store ${key} beside ${jwt}`) }, 'failed')
  const logged = lines.join('')
  expect(logged).toContain('cannot store cs_… beside …')
  for (const part of [key, jwt, 'c2lnbmF0dXJl', 'eyJpc3MiOiJ4In0']) expect(logged).not.toContain(part)
})
