// What can be said of an issuer on a command line.

import {
  type Issuer,
  IssuerChange,
  KUBERNETES_MODES,
  KUBERNETES_MODES_MEAN,
  TOKEN_PROFILES,
} from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { requireBody } from './body-file.ts'
import { requireDuration, UNITS } from './duration.ts'
import { UsageError } from './exit.ts'
import { readIssuerKeys } from './issuer-keys-file.ts'
import { listOr, pairsIn } from './listed.ts'
import { collect, present } from './options.ts'
import type { Session } from './session.ts'

export type IssuerOptions = {
  issuer?: string
  algorithm?: string[]
  profile?: string
  jwksFile?: string
  jwksUri?: string
  serverJwksFile?: string
  maxLifetime?: string
  tolerance?: string
  allowedClient?: string[]
  caFile?: string
  kubernetes?: string
  apiServer?: string
  tokenFile?: string
  groupsClaim?: string[]
  groupMapping?: string[]
  singleUse?: boolean
}

export const ISSUER_FLAGS =
  '--issuer, --algorithm, --profile, --jwks-file, --jwks-uri, --server-jwks-file, --max-lifetime, --tolerance, ' +
  '--allowed-client, --ca-file, --kubernetes, --api-server, --token-file, --groups-claim, --group-mapping, --single-use'

export const ISSUER_HELP = `Keys: without --jwks-file, --jwks-uri and --server-jwks-file they are found by its discovery document.
Files on the server are read only in the directories of its COUNTERSIGN_ISSUER_FILE_DIRS.

Kubernetes, --kubernetes <mode>:
${modeLines()}`

/** Of what is a list, what is given replaces all of it. */
export function issuerOptions(command: Command): Command {
  return command
    .option('--issuer <uri>', 'the iss of its tokens, byte for byte')
    .option('--algorithm <alg>', 'what it signs with (repeatable; at first RS256 and ES256)', collect)
    .addOption(
      new Option(
        '--profile <profile>',
        'at+jwt: access tokens by RFC 9068 alone; plain: any JWT that says who and for whom (at first)',
      ).choices(TOKEN_PROFILES),
    )
    .option('--jwks-file <path>', 'its public keys, pinned: a JWK Set in a file here that is sent along, - for stdin')
    .option('--jwks-uri <url>', 'where it publishes them')
    .option('--server-jwks-file <path>', 'a file on the server that holds them, read anew when it changes')
    .option(
      '--max-lifetime <duration>',
      `the longest life of a token that is believed, 60s to 31d (${UNITS}; at first 1d)`,
    )
    .option('--tolerance <duration>', 'how far its clock may be off, 0s to 5m (at first 60s)')
    .option('--allowed-client <id>', 'whose tokens are believed (repeatable; any: those of all its clients)', collect)
    .option('--ca-file <path>', 'a file on the server: certificates to trust in place of those of the system (none)')
    .addOption(
      new Option('--kubernetes <mode>', 'it is a cluster; how its tokens are believed, see below').choices([
        ...KUBERNETES_MODES,
        'none',
      ]),
    )
    .option('--api-server <url>', 'the API server of the cluster')
    .option('--token-file <path>', 'a file on the server: our own projected token, shown to the API server alone')
    .option(
      '--groups-claim <path>',
      'where its tokens list groups (repeatable; usual: groups, roles and realm_access.roles)',
      collect,
    )
    .option(
      '--group-mapping <group=value>',
      'a group here, and a value of those claims that puts the subject into it (repeatable; none: there are none; ' +
        'server: as COUNTERSIGN_GROUP_MAPPINGS says)',
      collect,
    )
    .option('--single-use', 'at the token endpoint each of its tokens counts once, by its jti')
    .option('--no-single-use', 'it counts there until it ends (at first)')
}

/** The fields that these options name, given how it is now; what is not acceptable is told before anything is sent. */
export async function issuerFields(
  { terminal }: Session,
  options: IssuerOptions,
  now?: Pick<Issuer, 'kubernetes'>,
): Promise<IssuerChange> {
  const { issuer, algorithm: algorithms, profile, jwksFile, jwksUri, serverJwksFile, caFile } = options
  if ([jwksFile, jwksUri, serverJwksFile].filter((one) => one !== undefined).length > 1) {
    throw new UsageError('Expected --jwks-file, --jwks-uri or --server-jwks-file: one of them.')
  }
  const { maxLifetime, tolerance } = options
  const fields = {
    ...{ issuer, algorithms, profile, jwks_uri: jwksUri, jwks_file: serverJwksFile },
    jwks: jwksFile === undefined ? undefined : await readIssuerKeys(terminal, jwksFile),
    max_lifetime_seconds: maxLifetime && requireDuration('--max-lifetime', maxLifetime),
    tolerance_seconds: tolerance && requireDuration('--tolerance', tolerance),
    allowed_clients: listOr('--allowed-client', options.allowedClient, { any: null }),
    ca_file: caFile === 'none' ? null : caFile,
    kubernetes: kubernetesSaid(options, now?.kubernetes ?? null),
    groups_claims: listOr('--groups-claim', options.groupsClaim, { usual: null }),
    group_mappings: mappingsSaid(options),
    single_use_assertions: options.singleUse,
  }
  return requireBody(IssuerChange, present(fields))
}

function kubernetesSaid({ kubernetes, apiServer, tokenFile }: IssuerOptions, now: Issuer['kubernetes']) {
  if (kubernetes === undefined && apiServer === undefined && tokenFile === undefined) return undefined
  const mode = kubernetes ?? now?.mode ?? 'none'
  if (mode !== 'none') return { ...now, ...present({ mode, api_server: apiServer, token_file: tokenFile }) }
  if (kubernetes === 'none' && apiServer === undefined && tokenFile === undefined) return null
  throw new UsageError('Expected --kubernetes jwks or token_review beside --api-server and --token-file.')
}

function mappingsSaid({ groupMapping }: IssuerOptions) {
  const said = listOr('--group-mapping', groupMapping, { none: {}, server: null })
  if (!Array.isArray(said)) return said
  const mappings: Record<string, string[]> = {}
  for (const [group, value] of pairsIn('--group-mapping', said, '<group>=<value>, like git-admins=f3a1-admins')) {
    mappings[group] = [...(Object.hasOwn(mappings, group) ? (mappings[group] ?? []) : []), value]
  }
  return mappings
}

/** In the words of the wire, a mode a paragraph. */
function modeLines(): string {
  const said = KUBERNETES_MODES_MEAN.replaceAll('`', '').replace(' token_review:', '\ntoken_review:')
  return said
    .split('\n')
    .map((line) => `  ${line.replace(/(.{1,112})(\s|$)/g, '$1\n  ').trimEnd()}`)
    .join('\n')
}
