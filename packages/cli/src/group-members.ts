import type { ApiClient } from '@countersign/admin-api'
import { UsageError } from './exit.ts'

/** Who is to be put into a group or taken out: the word `user:alice` or `client:canister`. */
export type Member = { readonly word: string; readonly kind: 'user' | 'client'; readonly id: string }

export function parseMember(word: string): Member {
  const [, kind, id] = /^(user|client):(.+)$/.exec(word) ?? []
  if ((kind !== 'user' && kind !== 'client') || id === undefined) {
    throw new UsageError(`${word}: expected a user or a client, like user:alice or client:canister.`)
  }
  return { word, kind, id }
}

/** Puts one into a group or takes it out; false where it is so already. */
export async function setMembership(api: ApiClient, member: Member, group: string, within: boolean): Promise<boolean> {
  const { groups } = await (member.kind === 'user' ? api.users.get(member.id) : api.clients.get(member.id))
  if (groups.includes(group) === within) return false
  const change = { groups: within ? [...groups, group] : groups.filter((one) => one !== group) }
  await (member.kind === 'user' ? api.users.change(member.id, change) : api.clients.change(member.id, change))
  return true
}
