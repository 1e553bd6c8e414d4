import type { HolderRef } from '../domain/credential.ts'
import { findCredential } from '../store/credentials.ts'
import type { Db } from '../store/store.ts'
import { judgeIn } from './credential-state.ts'
import type { Authorized } from './deps.ts'
import { holdsManagement, requireSomeAdmin, requireUnconfinedAdmin } from './management-rights.ts'
import { Rejected } from './problem.ts'

/** Judges, inside a change, what its caller may alter. */
export class Guard {
  #altersManagement = false

  constructor(
    private readonly db: Db,
    readonly authorized: Authorized,
  ) {}

  /** Refuses, unless by an unconfined admin, what touches a holder of rights at the management API. */
  async mayAlter(what: string, holders: readonly HolderRef[]): Promise<void> {
    if (await holdsManagement(this.db, holders)) this.mayAlterManagement(what)
  }

  mayAlterManagement(what: string): void {
    requireUnconfinedAdmin(this.authorized, what)
    this.#altersManagement = true
  }

  /** The credential was live when the request came, but its body may have taken long since. */
  async requireLiveCaller(now: Date): Promise<void> {
    const { stored } = this.authorized.caller.known
    const present = stored.kind === 'bootstrap' ? stored : await findCredential(this.db, stored.id)
    if (present !== undefined && (await judgeIn(this.db, present, now)).status === 'live') return
    throw new Rejected('credential_revoked', 'It died while the request was under way.')
  }

  /** To be asked when all is written. */
  async requireAdminLeft(): Promise<void> {
    if (this.#altersManagement) await requireSomeAdmin(this.db)
  }
}
