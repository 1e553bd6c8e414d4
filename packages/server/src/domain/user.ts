/** A person. */
export type User = {
  readonly id: string
  readonly name: string
  /** Told to upstreams; nobody is ever found by it. */
  readonly email: string | null
  readonly groups: readonly string[]
  readonly hasPassword: boolean
  readonly disabled: boolean
  /** What declares it: null for people through the API. */
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
}
