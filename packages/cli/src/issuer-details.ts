import type { Issuer } from '@countersign/admin-api'
import { duration, moment } from './moment.ts'
import { type Cell, details, orNone } from './table.ts'
import type { Terminal } from './terminal.ts'

export function issuerState({ disabled }: Issuer): Cell {
  return disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' }
}

/** Where its keys come from, in one line. */
export function keySource({ jwks, jwks_uri, jwks_file, kubernetes }: Issuer): string {
  if (jwks) return `pinned: ${jwks.keys.map(({ kid, kty }) => String(kid ?? kty ?? 'without kid')).join(', ')}`
  if (jwks_uri) return jwks_uri
  if (jwks_file) return `${jwks_file} on the server`
  return kubernetes?.api_server ? `${kubernetes.api_server}/openid/v1/jwks` : 'its discovery document'
}

export function issuerDetails(terminal: Terminal, issuer: Issuer): string {
  const { kubernetes, group_mappings: mappings } = issuer
  const mapped = mappings && Object.entries(mappings).map(([group, values]) => `${group} = ${values.join(', ')}`)
  return details(terminal, [
    ['name', issuer.name],
    ['state', issuerState(issuer)],
    ['issuer', issuer.issuer],
    ['profile', issuer.profile],
    ['algorithms', issuer.algorithms.join(', ')],
    ['keys', keySource(issuer)],
    ['tokens live', `${duration(issuer.max_lifetime_seconds)} at most`],
    ['clock may be off', duration(issuer.tolerance_seconds)],
    ['clients', issuer.allowed_clients ?? 'any'],
    ...(issuer.ca_file === null ? [] : [['certificates', `${issuer.ca_file} on the server`] as const]),
    ...(kubernetes === null ? [] : [['kubernetes', kubernetesLines(kubernetes)] as const]),
    ['groups claims', issuer.groups_claims ?? 'the usual ones'],
    ['group mappings', mapped === null ? 'as COUNTERSIGN_GROUP_MAPPINGS says' : orNone(mapped)],
    ['assertions', issuer.single_use_assertions ? 'each counts once' : 'count until they end'],
    ['managed by', issuer.managed_by ?? 'hand'],
    ['made', moment(issuer.created_at, terminal.now())],
  ])
}

function kubernetesLines({ mode, api_server, token_file }: NonNullable<Issuer['kubernetes']>): string[] {
  const asked =
    mode === 'jwks' ? 'by signature alone, until a token expires' : 'the API server is asked about each token'
  return [
    `${mode}: ${asked}`,
    ...(api_server === null ? [] : [`API server ${api_server}`]),
    ...(token_file === null ? [] : [`our token ${token_file} on the server`]),
  ]
}
