import { isFreeGroupName, isFreeName, NAME_FORM } from '../domain/names.ts'
import { findClient } from '../store/clients.ts'
import { findGroup } from '../store/groups.ts'
import { findIssuer } from '../store/issuers.ts'
import { findResource } from '../store/resources.ts'
import { isRetired } from '../store/retired-ids.ts'
import type { Change, Db } from '../store/store.ts'
import { findTrustRule } from '../store/trust-rules.ts'
import { findUser } from '../store/users.ts'
import { Rejected, rejectedField } from './problem.ts'

type Named = 'resource' | 'group' | 'client' | 'user' | 'issuer' | 'trust_rule'

const FIND: Record<Named, (db: Db, name: string) => Promise<object | undefined>> = {
  resource: findResource,
  group: findGroup,
  client: findClient,
  user: findUser,
  issuer: findIssuer,
  trust_rule: findTrustRule,
}

/** Where the body of a call names it. */
const FIELD: Record<Named, string> = {
  resource: 'name',
  group: 'name',
  client: 'id',
  user: 'username',
  issuer: 'name',
  trust_rule: 'name',
}

/** Refuses a name that is reserved, taken, or was ever taken: old rights must not find a new holder. */
export async function requireFreeName(change: Change, noun: Named, name: string): Promise<void> {
  const isFree = noun === 'group' ? isFreeGroupName(name) : isFreeName(name)
  if (!isFree) throw rejectedField(FIELD[noun], NAME_FORM)
  if ((await FIND[noun](change.db, name)) !== undefined) {
    throw new Rejected('name_taken', `There is ${articled(noun)} ${name} already.`)
  }
  if (await isRetired(change, noun, name)) {
    throw new Rejected('id_retired', `${capital(articled(noun))} ${name} was deleted; choose another name.`)
  }
}

function articled(noun: Named): string {
  return `${noun === 'issuer' ? 'an' : 'a'} ${noun.replaceAll('_', ' ')}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
