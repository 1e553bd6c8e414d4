import type { DeclaredKind } from './declared-credentials.ts'
import type { Mistake } from './declared-file.ts'
import type { FieldWay } from './line-of.ts'
import type { Fields, NamedNoun } from './nouns.ts'

/** A field that is not as declared. */
export type Difference = { readonly field: string; readonly before: unknown; readonly after: unknown }

type Of = {
  readonly noun: NamedNoun | 'permission' | DeclaredKind
  /** What people call it: its name; of a permission what it says. */
  readonly name: string
}

/** One call that brings what is there nearer to what is declared. */
export type Step = Create | Change | Delete

export type Create = Of & { readonly action: 'create'; readonly way: FieldWay; readonly body: Fields }

export type Change = Of & {
  readonly action: 'change'
  readonly noun: Exclude<Of['noun'], DeclaredKind>
  readonly way: FieldWay
  /** What the API knows it by. */
  readonly id: string
  readonly differences: readonly Difference[]
  /** Whether it was made elsewhere, and is taken over. */
  readonly adopts: boolean
  readonly body: Fields
}

export type Delete = Of & {
  readonly action: 'delete'
  readonly id: string
  /** Whether the file is silent of it; else it says otherwise, and what it said before goes. */
  readonly prunes: boolean
}

/** Something that an entry asks for and does not get, and that is no reason to stop. */
export type Note = Mistake

/** What is to be done, in order; what stays; and what the file made, says nothing of now, and only pruning deletes. */
export type Plan = {
  readonly steps: readonly Step[]
  readonly unchanged: number
  readonly notes: readonly Note[]
  readonly undeclared: readonly Delete[]
}

/** The same for the things of one noun; what only pruning deletes is among its steps. */
export type PartOfPlan = {
  readonly steps: Step[]
  readonly mistakes: Mistake[]
  readonly notes: Note[]
  unchanged: number
}
