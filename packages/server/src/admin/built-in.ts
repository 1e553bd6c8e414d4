import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { Client } from '../domain/client.ts'
import { Rejected } from './problem.ts'

// What the server itself keeps: the resource `countersign` and the clients behind the bootstrap and admin keys.

export function isBuiltIn(client: Client): boolean {
  return client.managedBy === 'countersign'
}

export function refuseBuiltIn(client: Client, because: string): void {
  if (!isBuiltIn(client)) return
  throw new Rejected('conflict', `The client ${client.id} is kept by Countersign itself: ${because}.`)
}

export function refuseManagement(resource: unknown): void {
  if (resource !== MANAGEMENT_RESOURCE) return
  throw new Rejected('immutable_resource', 'It is the management API itself: its scopes and rules are fixed.')
}
