import { AUTH_METHODS, type Client, ClientChange, GRANTS, type NewClient } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { requireBody } from './body-file.ts'
import { requireDuration, UNITS } from './duration.ts'
import { UsageError } from './exit.ts'
import { collect, present } from './options.ts'
import { readPublicKeys } from './public-keys-file.ts'
import type { Session } from './session.ts'

/** What can be said of a client alike when it is made and when it is changed. */
export type ClientOptions = {
  network?: string[]
  authMethod?: string[]
  jwksFile?: string[]
  jwksUri?: string
  /** False: said; true: not said. */
  jwks?: boolean
  defaultResource?: string
  tokenTtl?: string
  grant?: string[]
  listener?: 'any' | 'internal'
  /** False: none. */
  requiresWorkload?: string | false
}

export const CLIENT_FLAGS =
  '--network, --auth-method, --jwks-file, --jwks-uri, --no-jwks, --default-resource, --token-ttl, --grant, --listener, ' +
  '--requires-workload, --no-requires-workload'

const METHODS = [...AUTH_METHODS, 'none']

/** Of what is a list, what is given replaces all of it. */
export function clientOptions(command: Command, networks: string): Command {
  return command
    .option('--network <cidr>', `a network that it may call from (repeatable; ${networks})`, collect)
    .option(
      '--auth-method <method>',
      `how it may authenticate at the token endpoint (repeatable): ${METHODS.join(', ')}`,
      collect,
    )
    .option(
      '--jwks-file <path>',
      'its public keys for private_key_jwt (repeatable): a JWK Set, a JWK, or one key in PEM, whose kid is its ' +
        'thumbprint (RFC 7638); - for stdin',
      collect,
    )
    .option('--jwks-uri <url>', 'where it publishes them instead')
    .option('--no-jwks', 'it has no keys of its own')
    .option(
      '--default-resource <name>',
      'the resource of a token request that names none (none: that of its oldest permission)',
    )
    .option(
      '--token-ttl <duration>',
      `how long its tokens live at most, 60s to 24h (${UNITS}; none: as the resource says)`,
    )
    .option(
      '--grant <grant>',
      `an OAuth grant that it may use (repeatable): ${[...GRANTS, 'none'].join(', ')}`,
      collect,
    )
    .option(
      '--requires-workload <rule>',
      'the trust rule that a workload has to fit before the client gets a token: its secret or key alone mints nothing then',
    )
    .option('--no-requires-workload', 'its secret or key is enough (at first)')
    .addOption(new Option('--listener <listener>', 'where it may be believed').choices(['any', 'internal']))
}

/** What is said of `jwks` by default is nothing. */
export function saidOf<Options extends ClientOptions>({ jwks, ...options }: Options) {
  return { ...options, noJwks: jwks === false ? (true as const) : undefined }
}

type Body = Pick<
  Partial<NewClient>,
  | 'networks'
  | 'token_endpoint_auth_methods'
  | 'jwks'
  | 'jwks_uri'
  | 'default_resource'
  | 'access_token_ttl_seconds'
  | 'grants'
  | 'listener'
  | 'requires_workload'
>

/** The fields of the body that these options name; what is not acceptable is told before anything is sent. */
export async function clientFields(session: Session, options: ClientOptions): Promise<Body> {
  const { defaultResource, tokenTtl, listener, requiresWorkload } = options
  const fields = {
    networks: listOr(null, 'any', '--network', networksIn(options)),
    token_endpoint_auth_methods: listOr([], 'none', '--auth-method', options.authMethod),
    ...(await keys(session, options)),
    default_resource: defaultResource === 'none' ? null : defaultResource,
    access_token_ttl_seconds: tokenTtl === 'none' ? null : tokenTtl && requireDuration('--token-ttl', tokenTtl),
    grants: listOr([], 'none', '--grant', options.grant),
    listener,
    requires_workload: requiresWorkload === false ? null : requiresWorkload,
  }
  return requireBody(ClientChange, present(fields)) as Body
}

/** One form of keys takes the place of the other. */
async function keys(session: Session, { jwksFile, jwksUri, jwks }: ClientOptions) {
  const said = [jwksFile, jwksUri, jwks === false ? true : undefined].filter((one) => one !== undefined)
  if (said.length > 1) throw new UsageError('Expected --jwks-file, --jwks-uri or --no-jwks: one of them, not both.')
  if (jwks === false) return { jwks: null, jwks_uri: null }
  if (jwksUri !== undefined) return { jwks: null, jwks_uri: jwksUri }
  return jwksFile === undefined ? {} : { jwks: await readPublicKeys(session, jwksFile), jwks_uri: null }
}

/** Security: "none" may mean that there is no limit, or that nowhere is allowed: nobody is let in by a guess. */
function networksIn({ network }: ClientOptions): string[] | undefined {
  if (network?.includes('none') !== true) return network
  throw new UsageError('--network none could mean two things. Expected --network any where there is to be no limit.')
}

/** What to do before keys that were given can be used; undefined: nothing. */
export function unusedKeys({ id, jwks, jwks_uri, token_endpoint_auth_methods: methods }: Client): string | undefined {
  if ((jwks === null && jwks_uri === null) || methods.includes('private_key_jwt')) return undefined
  return `Its keys are not used: it is not registered for private_key_jwt. To allow it: ${allowing(id, methods, 'private_key_jwt')}`
}

/** The same for secrets. */
export function unusedSecret({ id, token_endpoint_auth_methods: methods }: Client): string | undefined {
  if (methods.some((method) => method.startsWith('client_secret_'))) return undefined
  const now = methods.length === 0 ? 'no way to authenticate' : `${methods.join(', ')} alone`
  return `This secret cannot be used: client ${id} is registered for ${now}. To allow it: ${allowing(id, methods, 'client_secret_basic')}`
}

/** The whole list has to be named: what is given replaces it. */
function allowing(id: string, methods: readonly string[], further: string): string {
  return `countersign client update ${id}${[...methods, further].map((method) => ` --auth-method ${method}`).join('')}`
}

/** A list, or the one word that says that there is nothing in it. */
function listOr<Nothing>(nothing: Nothing, word: string, option: string, said: string[] | undefined) {
  if (said?.includes(word) !== true) return said
  if (said.length > 1) throw new UsageError(`${option} ${word} stands alone.`)
  return nothing
}
