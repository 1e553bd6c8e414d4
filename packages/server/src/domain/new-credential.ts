import type { StoredCredential, SubjectRef } from './credential.ts'

/** When, by whom and at which revision something is made. */
export type Making = { readonly now: Date; readonly revision: number; readonly actor: { readonly by: string } }

type Named = Pick<StoredCredential, 'id' | 'kind' | 'name' | 'hint'>
type Confined = Pick<
  StoredCredential,
  'narrowing' | 'audience' | 'external' | 'networks' | 'networkTexts' | 'notBefore' | 'expiresAt'
>
type Descended = Pick<StoredCredential, 'family' | 'ancestors' | 'importedFrom' | 'managedBy'>

/** The record of a credential that nobody has used yet. What is not said: the first of its family, and not confined. */
export function newCredential<Owner extends SubjectRef>(
  making: Making,
  said: Named & { readonly owner: Owner } & Partial<Confined & Descended>,
): Omit<StoredCredential, 'owner'> & { readonly owner: Owner } {
  return {
    narrowing: { resources: null, scopes: null, projects: null },
    audience: null,
    networks: [],
    networkTexts: [],
    notBefore: null,
    expiresAt: null,
    family: said.id,
    ancestors: [],
    importedFrom: null,
    managedBy: null,
    ...said,
    createdAt: making.now,
    createdBy: making.actor.by,
    revision: making.revision,
    revokedAt: null,
    revokedBy: null,
    revokedReason: null,
    lastUsedAt: null,
    lastUsedFrom: null,
  }
}
