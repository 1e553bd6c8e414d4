// What P6 promises to clients that get tokens: their secrets, what they revoked, and that an assertion counts once.
import { basicOf, PUBLIC_URL } from '../support/app.ts'
import { makeSigner } from '../support/client-key.ts'
import type { CountersignServer } from '../support/countersign-server.ts'
import { Connection } from './connection.ts'
import type { Violations } from './outcome.ts'

/** Both forms of access tokens, each at a resource of its own. */
const HOSTS = ['jwt', 'opaque'].map((format) => ({ format, host: `${format}.example.com` }))
/** Refusals at the token endpoint are throttled: no more of each are tried after a start. */
const MOST_REFUSED = 15
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** `asked to die`: a revocation was sent, and its answer never came; either outcome is right. */
type State = 'live' | 'asked to die' | 'revoked'
type Secret = { readonly id: string; readonly headers: Readonly<Record<string, string>>; state: State }
type Token = { readonly text: string; readonly host: string; readonly by: Secret; state: State }

export class TokenWrites {
  readonly acknowledged = { secrets: 0, tokens: 0, revocations: 0, assertions: 0 }
  trials = 0
  readonly #secrets: Secret[] = []
  readonly #tokens: Token[] = []
  /** Used up since the last start: they live for a minute. */
  #assertions: string[] = []
  readonly #signer = makeSigner({ clock: { now: new Date() } }, 'signer')

  constructor(private readonly violations: Violations) {}

  /** Two resources, a client with secrets and one that signs. */
  async furnish({ make, call }: CountersignServer): Promise<void> {
    const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
    for (const id of ['robot', 'signer']) await make('/clients', { id, name: id })
    for (const { format, host } of HOSTS) {
      const said = { name: format, identifier: `https://${host}`, hosts: [host], scopes: ['files:read'], rules }
      await make('/resources', { ...said, access_token: { format, ttl_seconds: 86_400 } })
      for (const client of ['robot', 'signer']) {
        await make('/permissions', { client, resource: format, scopes: ['files:read'] })
      }
    }
    const keys = { token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [this.#signer.jwk] } }
    const { status, body } = await call('PATCH', '/clients/signer', keys)
    if (status !== 200) throw new Error(`the key of a client: ${status} ${JSON.stringify(body)}`)
  }

  /** All of it once, before anything is killed: there is something to keep in every life of the server. */
  async writeOnce(server: CountersignServer): Promise<void> {
    const connection = await Connection.open(server.address)
    await this.#round(server, connection)
    connection.close()
  }

  /** Makes secrets, gets tokens and revokes both until the connection breaks; notes what was acknowledged. */
  async write(server: CountersignServer): Promise<void> {
    const connection = await Connection.open(server.address).catch(() => undefined)
    if (connection === undefined) return
    try {
      for (;;) await this.#round(server, connection)
    } catch (failure) {
      // The end that was meant: the server is gone. An answer that says no is none.
      if (failure instanceof Refused) this.violations.add(failure.message)
    } finally {
      connection.close()
    }
  }

  async #round({ bootstrapKey }: CountersignServer, connection: Connection): Promise<void> {
    const made = await connection.call(bootstrapKey, 'POST', '/clients/robot/secrets', {})
    if (made.status !== 201) throw new Refused(`a secret could not be made: ${made.status}`)
    const { id, secret: text } = made.body as { id: string; secret: string }
    const secret: Secret = { id, headers: basicOf('robot', text), state: 'live' }
    this.#secrets.push(secret)
    this.acknowledged.secrets++

    const tokens: Token[] = []
    for (const { host } of HOSTS) {
      const form = { grant_type: 'client_credentials', resource: `https://${host}` }
      const answer = await post(connection, '/oauth/token', form, secret.headers)
      if (answer.status !== 200) throw new Refused(`a token could not be had: ${answer.status} ${answer.body}`)
      const { access_token } = JSON.parse(answer.body) as { access_token: string }
      tokens.push({ text: access_token, host, by: secret, state: 'live' })
      this.acknowledged.tokens++
    }
    this.#tokens.push(...tokens)

    const doomed = tokens[Math.floor(Math.random() * tokens.length)]
    if (doomed !== undefined) {
      doomed.state = 'asked to die'
      const { status } = await post(connection, '/oauth/revoke', { token: doomed.text }, secret.headers)
      if (status !== 200) throw new Refused(`a token could not be revoked: ${status}`)
      doomed.state = 'revoked'
      this.acknowledged.revocations++
    }

    const assertion = this.#signer.assertion({ aud: PUBLIC_URL, ...lifeFrom(new Date()) })
    const shown = { ...this.#signer.form(assertion), resource: 'https://jwt.example.com' }
    const used = await post(connection, '/oauth/token', shown)
    if (used.status !== 200) throw new Refused(`an assertion was not taken: ${used.status} ${used.body}`)
    this.#assertions.push(assertion)
    this.acknowledged.assertions++

    if (this.acknowledged.secrets % 2 === 0) {
      for (const one of [secret, ...tokens]) if (one.state === 'live') one.state = 'asked to die'
      const { status } = await connection.call(bootstrapKey, 'POST', `/credentials/${id}/revoke`, {})
      if (status !== 200) throw new Refused(`a secret could not be revoked: ${status}`)
      for (const one of [secret, ...tokens]) one.state = 'revoked'
      this.acknowledged.revocations++
    }
  }

  /** Asks with all that was ever acknowledged. What hung in the balance is settled by what is seen now. */
  async check(server: CountersignServer): Promise<void> {
    const connection = await Connection.open(server.address)
    for (const token of this.#tokens) {
      const { status } = await connection.ask(token.host, token.text)
      this.#settle(token, status, `a token of ${token.by.id} for ${token.host}`)
    }
    const form = { grant_type: 'client_credentials', resource: 'https://jwt.example.com' }
    let refused = 0
    for (const secret of this.#secrets.toReversed()) {
      if (secret.state !== 'live' && refused++ >= MOST_REFUSED) continue
      const { status } = await post(connection, '/oauth/token', form, secret.headers)
      this.#settle(secret, status, secret.id)
    }
    for (const assertion of this.#assertions.slice(-MOST_REFUSED)) {
      const shown = { ...this.#signer.form(assertion), resource: 'https://jwt.example.com' }
      const { status, body } = await post(connection, '/oauth/token', shown)
      this.trials++
      if (status !== 401) this.violations.add(`an assertion that was used before is answered with ${status} ${body}`)
    }
    this.#assertions = []
    connection.close()
  }

  #settle(known: Secret | Token, status: number, what: string): void {
    this.trials++
    if (known.state === 'asked to die') {
      if (status !== 200 && status !== 401)
        this.violations.add(`${what}: ${status} after a revocation that was cut off`)
      known.state = status === 200 ? 'live' : 'revoked'
    } else if (status !== (known.state === 'live' ? 200 : 401)) {
      this.violations.add(`${what} was acknowledged as ${known.state}, and is answered with ${status}`)
    }
  }
}

/** The server answered, and not as it should have. */
class Refused extends Error {}

function post(
  connection: Connection,
  path: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
) {
  return connection.request('POST', path, { ...FORM, ...headers }, String(new URLSearchParams(form)))
}

function lifeFrom(now: Date): { iat: number; exp: number } {
  const iat = Math.floor(now.getTime() / 1000)
  return { iat, exp: iat + 60 }
}
