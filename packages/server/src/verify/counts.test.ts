import { expect, test } from 'bun:test'
import { deny, type RefusalCode } from '@countersign/resource-server'
import { managementResource } from '../domain/management.ts'
import { VerificationCounts } from './counts.ts'
import { refuse } from './verify.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const MANAGEMENT = managementResource('http://127.0.0.1:8420')

function refusal(resource: string | undefined, code: RefusalCode = 'credential_unknown') {
  const asked = { dialect: 'forward', now: NOW, peer: '127.0.0.1' } as const
  return refuse(
    { asked, resource: resource === undefined ? undefined : { ...MANAGEMENT, name: resource } },
    'rule',
    deny(code),
  )
}

test('DOS-11 of thousands of resources the first two hundred are counted by name, and the rest together', () => {
  const counts = new VerificationCounts()
  for (let turn = 0; turn < 2; turn++) {
    for (let at = 0; at < 3000; at++) counts.note(refusal(`resource-${at}`), 1)
    counts.note(refusal(undefined), 1)
  }
  const rows = new Map([...counts.refusals()].map(([[name = ''], count]) => [name, count]))
  expect(rows.size).toBe(202)
  expect([rows.get('resource-0'), rows.get('resource-199'), rows.get('(other)')]).toEqual([2, 2, 2 * 2800])
  expect([rows.get('(none)'), rows.get('resource-200')]).toEqual([2, undefined])
  expect([...counts.outcomes()]).toHaveLength(3 * 202)
})

test('what nobody could tell is unclear, and is no refusal', () => {
  const counts = new VerificationCounts()
  for (const code of ['store_unavailable', 'internal_error', 'credential_expired'] as const)
    counts.note(refusal('webdav', code), 1)
  expect([...counts.outcomes()]).toEqual([
    [['webdav', 'allowed'], 0],
    [['webdav', 'refused'], 1],
    [['webdav', 'unclear'], 2],
  ])
  const times = [...counts.durations()].map(([labels, durations]) => [...labels, durations.cumulative().at(-1)])
  expect(times).toEqual([
    ['forward', 'allowed', 0],
    ['forward', 'refused', 1],
    ['forward', 'unclear', 2],
  ])
})

test('what began nobody knows when is counted, and not timed', () => {
  const counts = new VerificationCounts()
  counts.note(refusal('webdav', 'internal_error'))
  expect([...counts.refusals()]).toEqual([[['webdav', 'internal_error'], 1]])
  for (const [, durations] of counts.durations()) expect(durations.cumulative().at(-1)).toBe(0)
})
