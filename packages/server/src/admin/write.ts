import type { Db } from '../store/store.ts'
import { CredentialWrites } from './credential-writes.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { ForeignPrefixWrites } from './foreign-prefix-writes.ts'
import { Guard } from './guard.ts'
import { actorOf } from './host-caller.ts'
import { IssuerWrites } from './issuer-writes.ts'
import { NounWrites } from './noun-writes.ts'
import { SigningKeyWrites } from './signing-key-writes.ts'
import { TrustRuleWrites } from './trust-rule-writes.ts'
import { UserWrites } from './user-writes.ts'

/** What a route works with inside a change. */
export type Writes = {
  /** For reading. */
  readonly db: Db
  readonly now: Date
  readonly nouns: NounWrites
  readonly users: UserWrites
  readonly credentials: CredentialWrites
  readonly issuers: IssuerWrites
  readonly trustRules: TrustRuleWrites
  readonly foreignPrefixes: ForeignPrefixWrites
  readonly signingKeys: SigningKeyWrites
}

/**
 * Runs `work` as one change of this caller, or not at all.
 *
 * Security: routes never see the change itself, so there is no way around the law of minting and escalation. A new
 * kind of write is a method of one of the classes in `Writes`, beside those that show how they are judged.
 */
export function write<T>(deps: AdminDeps, authorized: Authorized, work: (writes: Writes) => Promise<T>): Promise<T> {
  return deps.change(actorOf(authorized), async (change) => {
    const { db, now } = change
    const guard = new Guard(db, authorized, deps.directory.management)
    await guard.requireEntitledCaller(now)
    const nouns = new NounWrites(change, guard)
    const users = new UserWrites(change, guard, nouns, deps.store.random)
    const credentials = new CredentialWrites(change, guard, deps)
    const foreignPrefixes = new ForeignPrefixWrites(change, guard, deps.seal)
    const signingKeys = new SigningKeyWrites(change, guard, deps.seal)
    const issuers = new IssuerWrites(change, guard, deps.groupMappings)
    const trustRules = new TrustRuleWrites(change, guard)
    const result = await work({ db, now, nouns, users, credentials, issuers, trustRules, foreignPrefixes, signingKeys })
    await guard.requireAdminLeft(deps)
    return result
  })
}
