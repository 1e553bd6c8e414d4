// The people of the example, and who of them is signed in to the dashboard. The API keeps its own login.

export type Person = {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly passwordHash: string
  /** As the company's identity provider calls them. */
  readonly groups: readonly string[]
  readonly disabled?: boolean
}

/** What is checked where there is no such person: an answer that comes at once would tell that. */
const NOBODY = Bun.password.hashSync(crypto.randomUUID())
const COOKIE = /(?:^|; )session=([0-9a-f-]{36})(?:;|$)/

export class People {
  readonly #byId: Map<string, Person>
  readonly #sessions = new Map<string, string>()

  constructor(people: readonly Person[]) {
    this.#byId = new Map(people.map((person) => [person.id, person]))
  }

  find(id: string): Person | undefined {
    return this.#byId.get(id)
  }

  /** Replaces what is known of a person, as an administrator would. */
  set(person: Person): void {
    this.#byId.set(person.id, person)
  }

  /** The cookie of a new session; undefined: the password is not that of this person. */
  async signIn(id: string, password: string): Promise<string | undefined> {
    const person = this.#byId.get(id)
    const isRight = await Bun.password.verify(password, person?.passwordHash ?? NOBODY)
    if (person === undefined || !isRight || person.disabled) return undefined
    const session = crypto.randomUUID()
    this.#sessions.set(session, id)
    return `session=${session}; HttpOnly; Secure; SameSite=Strict; Path=/`
  }

  /** Who is signed in by the cookie of the request. */
  signedIn(request: Request): Person | undefined {
    const [, session = ''] = COOKIE.exec(request.headers.get('cookie') ?? '') ?? []
    const person = this.#byId.get(this.#sessions.get(session) ?? '')
    return person?.disabled ? undefined : person
  }
}
