// Users and their personal access tokens, as an administrator makes them.

import type { CountersignServer } from './countersign-server.ts'
import type { Key } from './stage.ts'

/** What can be said of a token when it is made. What is not named narrows nothing. */
export type TokenAsked = {
  readonly name?: string
  readonly resources?: readonly string[]
  readonly scopes?: readonly string[]
  readonly projects?: readonly string[]
  readonly expires_in_days?: number
  readonly expires_in_seconds?: number
}

/** A new personal access token of this user. */
export async function newToken(server: CountersignServer, username: string, asked: TokenAsked = {}): Promise<Key> {
  const made = await server.make(`/users/${username}/tokens`, asked)
  return { id: String(made.id), secret: String(made.token) }
}

/** Changes a noun. Anything but 200 is an error that shows the answer. */
export async function change(server: CountersignServer, path: string, body: unknown): Promise<void> {
  const answer = await server.call('PATCH', path, body)
  if (answer.status !== 200) throw new Error(`PATCH ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
}
