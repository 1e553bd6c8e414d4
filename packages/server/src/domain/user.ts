/** Who a user is at another issuer, by its name here. */
export type UserLink = { readonly issuer: string; readonly subject: string }

/** A person. */
export type User = {
  readonly id: string
  readonly name: string
  /** Told to upstreams; nobody is ever found by it. */
  readonly email: string | null
  readonly groups: readonly string[]
  readonly links: readonly UserLink[]
  readonly hasPassword: boolean
  readonly disabled: boolean
  /** What declares it: null for people through the API. */
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
}
