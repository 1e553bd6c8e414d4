import type { Command } from 'commander'
import { parseExpiry, UNITS } from './duration.ts'
import { collect, present } from './options.ts'

export type NewCredentialOptions = {
  readonly name?: string
  readonly resource?: string[]
  readonly scope?: string[]
  readonly project?: string[]
  readonly network?: string[]
  readonly expires?: string
}

/** What can be said of a key and of a token alike when it is made. */
export function newCredentialOptions(command: Command, owner: 'client' | 'user', end: string): Command {
  const all = `default: all of the ${owner}’s`
  return command
    .option('--name <name>', 'what people call it')
    .option('--resource <name>', `only at this resource (repeatable; ${all} but countersign)`, collect)
    .option('--scope <scope>', `only this scope (repeatable; ${all})`, collect)
    .option('--project <project>', 'only in this project of the one resource (repeatable)', collect)
    .option('--network <cidr>', 'only from this network (repeatable)', collect)
    .option('--expires <when>', `a duration like 30d (${UNITS}), or a time like 2030-01-31T12:00:00Z (default: ${end})`)
}

/** The body that makes it. What is left out narrows nothing. */
export function newCredential(options: NewCredentialOptions) {
  const { name, resource: resources, scope: scopes, project: projects, network: networks, expires } = options
  const expiry = expires === undefined ? {} : parseExpiry(expires)
  return { ...present({ name, resources, scopes, projects, networks }), ...expiry }
}
