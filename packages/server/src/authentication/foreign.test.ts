import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { isDenied } from '@countersign/resource-server'
import { Directory } from '../directory/directory.ts'
import { FOREIGN_DIGESTS, type ForeignPrefix } from '../domain/foreign-prefix.ts'
import { managementResource } from '../domain/management.ts'
import { sealForeignKey } from '../keys/foreign-key.ts'
import { sealWith } from '../keys/seal.ts'
import { foreignKind } from './foreign.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const sha256Hex = (text: string) => Bun.SHA256.hash(text, 'hex')
const seal = sealWith(new Uint8Array(32).fill(1), random)
const key = Buffer.from('the key of another system')

function setUp(...known: Pick<ForeignPrefix, 'prefix' | 'digest' | 'keySealed'>[]) {
  const directory = new Directory(managementResource('http://127.0.0.1:8420'))
  const nothing = {
    groups: new Map(),
    resources: new Map(),
    clients: new Map(),
    users: new Map(),
    permissions: new Map(),
  }
  directory.apply({
    ...{ ...nothing, revision: 1, stamp: '', everything: true, lines: [], signingKeys: undefined, credentials: [] },
    ...{ issuers: new Map(), trustRules: new Map() },
    foreignPrefixes: new Map(known.map((one) => [one.prefix, { ...one, createdAt: new Date(0), revision: 1 }])),
  })
  const lookedFor: string[] = []
  const find = (digest: string) => {
    lookedFor.push(digest)
    return { outcome: 'deny', code: 'credential_unknown', detail: {} } as const
  }
  const { recognise } = foreignKind({ directory, seal, sha256Hex, find })
  const recognises = (text: string) => recognise(text) !== undefined
  const said = async (text: string) => {
    const answer = await recognise(text)?.(text)
    return answer === undefined ? 'not recognised' : isDenied(answer) ? answer.code : 'found'
  }
  return { recognises, said, lookedFor }
}

const glpat = { prefix: 'glpat-', digest: 'sha256', keySealed: null } as const
const acme = { prefix: 'acme_', digest: 'hmac-sha256', keySealed: sealForeignKey('acme_', key, seal) } as const

describe('a foreign text', () => {
  test('is looked for by algorithm, prefix and digest together', async () => {
    const { said, lookedFor } = setUp(glpat, acme)
    for (const text of ['glpat-x', 'acme_x', 'acme_y']) await said(text)
    const hmac = (text: string) => createHmac('sha256', key).update(text).digest('hex')
    expect(lookedFor).toEqual([
      `sha256:glpat-:${sha256Hex('glpat-x')}`,
      `hmac-sha256:acme_:${hmac('acme_x')}`,
      `hmac-sha256:acme_:${hmac('acme_y')}`,
    ])
    // What we issue is kept under digits alone.
    expect(FOREIGN_DIGESTS.filter((digest) => /^[0-9a-f]/.test(`${digest}:`))).toEqual([])
  })

  test('is recognised by its prefix alone, and by none where none is known', () => {
    const { recognises } = setUp(glpat)
    expect(['glpat-x', 'glpa', 'acme_x', 'cs_key_x', ''].map(recognises)).toEqual([true, false, false, false, false])
    expect(setUp().recognises('glpat-x')).toBe(false)
  })

  test.each([
    ['with a byte that is not printable', 'glpat-\u0000x'],
    ['with a blank', 'glpat- x'],
    ['outside of ASCII', 'glpat-é'],
    ['of more than 512 bytes', `glpat-${'x'.repeat(507)}`],
  ])('%s is unknown, and looked for nowhere', async (_, text) => {
    const { said, lookedFor } = setUp(glpat)
    expect([await said(text), lookedFor]).toEqual(['credential_unknown', []])
  })

  test('whose key does not open is one that we cannot tell of: neither unknown nor found by another key', async () => {
    const other = sealWith(new Uint8Array(32).fill(2), random)
    const wrong = [sealForeignKey('acme_', key, other), sealForeignKey('other_', key, seal), 'v1.', null]
    for (const keySealed of wrong) {
      const { said, lookedFor } = setUp({ ...acme, keySealed })
      expect([await said('acme_x'), lookedFor]).toEqual(['store_unavailable', []])
    }
  })
})
