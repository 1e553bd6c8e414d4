// The words in which cases are written.
import type { Case, Sent, Side } from './case.ts'

const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
export const authorization = (value: string) => ({ headers: { Authorization: value } })
export const basicRaw = (text: string) => authorization(`Basic ${Buffer.from(text).toString('base64')}`)
export const basic = (id: string, secret: string) => basicRaw(`${encode(id)}:${encode(secret)}`)
export const as = ({ secretOf }: Side, client = 'canister') => basic(client, String(secretOf[client]))
export const GRANT = { grant_type: 'client_credentials' }
export const NOBODYS = 'cs_secret_0000000000000000000000000000000000000000000000000'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export const shown = (client_assertion: string) => ({ ...GRANT, client_assertion_type: JWT_BEARER, client_assertion })

/** A request for a token; the form may be another. */
export const granting =
  (more: (side: Side) => Sent): Case['asks'] =>
  (side) => ({ form: GRANT, ...more(side) })

/** Asks about a token, as a client. */
export const asked =
  (path: '/oauth/introspect' | '/oauth/revoke') =>
  (
    form: (side: Side) => NonNullable<Sent['form']> | Promise<NonNullable<Sent['form']>>,
    client = 'canister',
  ): Case['asks'] =>
  async (side) => ({ path, ...as(side, client), form: await form(side) })

/** Ends the token before it is asked about. */
export const revokedFirst = async (side: Side, token: string) => {
  await side.send({ path: '/oauth/revoke', ...as(side), form: { token } })
  return { token }
}
