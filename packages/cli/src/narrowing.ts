import type { Credential } from '@countersign/admin-api'
import type { Cell } from './table.ts'

/** What a credential is narrowed to; `full` where nothing is left out of what its owner may do. */
export function narrowing(credential: Credential): string {
  if (credential.full) return 'full'
  const parts = [credential.resources, credential.scopes, credential.projects, credential.networks]
  return parts.flatMap((part) => (part === null ? [] : [part.join(', ')])).join(' · ')
}

export function stateCell(credential: Credential): Cell {
  const text = credential.state.replaceAll('_', ' ')
  return { text, tone: credential.state === 'live' ? 'good' : 'bad' }
}
