import { expect, test } from 'bun:test'
import { KeptDigests } from './kept-digests.ts'

const digestOf = (text: string) => Bun.SHA256.hash(text, 'hex')

test('all that were added are there, whatever stands before the hash', () => {
  const kept = new KeptDigests()
  const digests = Array.from({ length: 50_000 }, (_, at) => `${at % 2 === 0 ? '' : 'sha256:ghp_:'}${digestOf(`${at}`)}`)
  for (const digest of digests) kept.add(digest)
  expect(digests.filter((digest) => !kept.mayHave(digest))).toEqual([])
})

test('of those that were not added hardly any seem to be there, among a million', () => {
  const kept = new KeptDigests()
  const hash = new Uint32Array(8)
  const random = () => Buffer.from(crypto.getRandomValues(hash).buffer).toString('hex')
  for (let added = 0; added < 1_000_000; added++) kept.add(random())
  let mistaken = 0
  for (let asked = 0; asked < 100_000; asked++) if (kept.mayHave(random())) mistaken++
  expect(mistaken).toBeLessThan(100)
})

test('nothing is there before anything was added', () => {
  expect(new KeptDigests().mayHave(digestOf('a'))).toBe(false)
})
