import { GroupMappings } from '@countersign/admin-api'
import { type Network, parseHost, parseName, parseNetwork, type RoleMappings } from '@countersign/resource-server'
import { isMap, LineCounter, type Node, parseDocument } from 'yaml'
import { OPTIONS, type Option, type RawConfig } from './config-options.ts'

export { OPTIONS, type Option } from './config-options.ts'

/** Where a listener listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly hostname: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number }

export type Config = {
  readonly dataDir: string
  /** Undefined: the embedded database of the data directory. */
  readonly databaseUrl: string | undefined
  readonly listen: Extract<ListenAddress, { kind: 'tcp' }>
  readonly internalListen: ListenAddress | undefined
  /** Without a trailing slash. */
  readonly publicUrl: string
  /** Where access tokens are issued. */
  readonly tokenListener: 'any' | 'internal'
  readonly trustedProxies: readonly Network[]
  readonly proxySecret: string | undefined
  /** Networks that keys may be fetched from though they are not public. */
  readonly egressNetworks: readonly Network[]
  /** Directories whose files issuers may name. */
  readonly issuerFileDirs: readonly string[]
  /** Group → values of claims, for issuers that say nothing of it. */
  readonly groupMappings: RoleMappings
  readonly bootstrapKey: string | undefined
  readonly kek: Uint8Array | undefined
  readonly maxKeyTtlDays: number | null
  readonly patCreation: 'self' | 'admin'
  readonly patByPat: boolean
  readonly patTtlDays: number
  readonly maxPatTtlDays: number
  /** null: only by hand. */
  readonly signingKeyRotationDays: number | null
  /** How much longer than the lease what the directory holds may be answered from. */
  readonly staleGraceMs: number
  /** How long it answers on once it was asked to stop. */
  readonly stopDelayMs: number
  /** Undefined: it is called by its host and port. */
  readonly nodeName: string | undefined
  /** What stands in this declared file is brought about at the start. */
  readonly declaredFile: string | undefined
  readonly decisionRetentionDays: number
  readonly decisionMaxMib: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

export type ConfigSources = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** By option name, as `data_dir`. They win over the environment, which wins over the file. */
  readonly flags: Readonly<Record<string, string>>
  /** Throws when the file cannot be read. */
  readonly readFile: (path: string) => string
}

const PREFIX = 'COUNTERSIGN_'
/** Variables of the same prefix that belong to the command line client, and the one that names the file. */
const OTHER_VARIABLES = new Set(['CONFIG', 'SERVER', 'CONTEXT', 'KEY', 'KEY_FILE'].map((name) => `COUNTERSIGN_${name}`))

export function variableOf(option: Pick<Option, 'name'>): string {
  return PREFIX + option.name.toUpperCase()
}

/** Reads the configuration. All problems are reported at once, each with where it is and what is expected. */
export function parseConfig(sources: ConfigSources): { config: Config } | { problems: string[] } {
  const problems: string[] = []
  const raw = collect(sources, problems)
  const config = interpret(raw, problems)
  return problems.length > 0 || config === undefined ? { problems } : { config }
}

function collect({ env, flags, readFile }: ConfigSources, problems: string[]): RawConfig {
  const values: Record<string, string | undefined> = Object.fromEntries(
    OPTIONS.map(({ name, default: value }) => [name, value]),
  )
  const path = flags.config ?? env.COUNTERSIGN_CONFIG
  if (path !== undefined) Object.assign(values, readConfigFile(path, readFile, problems))
  const known = new Set(OPTIONS.flatMap((option) => [variableOf(option), `${variableOf(option)}_FILE`]))
  for (const variable of Object.keys(env)) {
    if (variable.startsWith(PREFIX) && !known.has(variable) && !OTHER_VARIABLES.has(variable)) {
      problems.push(`${variable}: there is no such option; see countersign serve --help`)
    }
  }
  for (const option of OPTIONS) {
    const variable = variableOf(option)
    const value = env[variable]
    const file = env[`${variable}_FILE`]
    if (value !== undefined) values[option.name] = value
    if (file === undefined) continue
    if (option.type !== 'secret') problems.push(`${variable}_FILE: only secrets can come from a file; set ${variable}`)
    else if (value !== undefined) problems.push(`${variable} and ${variable}_FILE are both set; keep one`)
    else values[option.name] = readSecret(file, `${variable}_FILE`, readFile, problems)
  }
  for (const [name, value] of Object.entries(flags)) if (name !== 'config') values[name] = value
  return values as RawConfig
}

function readConfigFile(path: string, readFile: (path: string) => string, problems: string[]): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = new LineCounter()
  let document: ReturnType<typeof parseDocument>
  let contents: unknown
  try {
    document = parseDocument(readFile(path), { lineCounter: lines, prettyErrors: false, stringKeys: true })
    contents = document.toJS()
  } catch (error) {
    problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    return values
  }
  const report = (offset: number, problem: string) =>
    problems.push(`${path}: line ${lines.linePos(offset).line}: ${problem}`)
  // What stands after the first is said because of the first.
  const [mistake] = document.errors
  if (mistake !== undefined) {
    report(mistake.pos[0], mistake.message)
    return values
  }
  if (!isMap(document.contents)) {
    problems.push(`${path}: expected lines such as "listen: 127.0.0.1:8420"`)
    return values
  }
  const offsets = new Map(document.contents.items.map(({ key }) => [String(key), (key as Node).range?.[0] ?? 0]))
  for (const [key, value] of Object.entries(contents as Record<string, unknown>)) {
    const offset = offsets.get(key) ?? 0
    const fromFile = key.endsWith('_file')
    const option = OPTIONS.find(({ name, type }) => name === key || (type === 'secret' && `${name}_file` === key))
    if (option === undefined) report(offset, `${key}: there is no such option; see countersign serve --help`)
    else if (option.type === 'mappings' && typeof value === 'object') values[option.name] = JSON.stringify(value)
    else if (typeof value === 'object') report(offset, `${key}: expected a single value such as ${option.example}`)
    else if (!fromFile) values[option.name] = String(value)
    else values[option.name] = readSecret(String(value), `${path}: ${key}`, readFile, problems) ?? ''
  }
  return values
}

function readSecret(path: string, at: string, readFile: (path: string) => string, problems: string[]) {
  try {
    return readFile(path).replace(/\r?\n$/, '')
  } catch (error) {
    problems.push(`${at}: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function interpret(raw: RawConfig, problems: string[]): Config | undefined {
  const report = (name: keyof RawConfig, expected: string) => {
    const option = OPTIONS.find((other) => other.name === name)
    problems.push(`${PREFIX}${name.toUpperCase()}: ${expected}, for example ${option?.example}`)
    return undefined
  }
  if (raw.data_dir === '') report('data_dir', 'expected a directory')
  if (raw.database_url !== undefined && !isPostgresUrl(raw.database_url)) {
    report('database_url', 'expected postgres://user:password@host/database, with what is special in it as %XX')
  }
  const listen = parseListen(raw.listen)
  if (listen?.kind !== 'tcp') report('listen', 'expected host:port')
  const internalListen = raw.internal_listen === undefined ? undefined : parseListen(raw.internal_listen)
  if (raw.internal_listen !== undefined && internalListen === undefined) {
    report('internal_listen', 'expected host:port or unix:/path')
  }
  const publicUrl = parsePublicUrl(raw.public_url ?? `http://${raw.listen}`)
  if (publicUrl === undefined && raw.public_url !== undefined) {
    report('public_url', 'expected http(s)://host without path, query or trailing slash')
  } else if (publicUrl === undefined && listen?.kind === 'tcp') {
    report('public_url', `expected the address that others know it by, since ${raw.listen} is none`)
  }
  const trustedProxies = parseNetworks(raw.trusted_proxies)
  if (trustedProxies === undefined) report('trusted_proxies', 'expected networks separated by commas')
  if (raw.proxy_secret !== undefined && raw.proxy_secret.length < 32) {
    report('proxy_secret', 'expected at least 32 characters; an empty secret is not "no secret"')
  }
  const egressNetworks = raw.egress_networks === undefined ? [] : parseNetworks(raw.egress_networks)
  if (egressNetworks === undefined) report('egress_networks', 'expected networks separated by commas')
  const issuerFileDirs = raw.issuer_file_dirs.split(',').map((part) => part.trim())
  if (!issuerFileDirs.every((directory) => directory.startsWith('/') && !directory.split('/').includes('..'))) {
    report('issuer_file_dirs', 'expected absolute paths separated by commas')
  }
  const groupMappings = parseGroupMappings(raw.group_mappings)
  if (groupMappings === undefined) {
    report('group_mappings', 'expected group names, each with a list of values, none of them empty or "*"')
  }
  if (raw.bootstrap_key !== undefined && !/^(?!cs_)[A-Za-z0-9._~+/-]{32,512}=*$/.test(raw.bootstrap_key)) {
    report('bootstrap_key', 'expected at least 32 characters of A-Z a-z 0-9 - . _ ~ + /, not starting with cs_')
  }
  const kek = raw.kek === undefined ? undefined : Buffer.from(raw.kek, 'base64')
  if (kek !== undefined && kek.length !== 32) report('kek', 'expected 32 bytes in base64')
  const integer = (name: keyof RawConfig, value: string, most: number) => {
    const parsed = /^[0-9]{1,7}$/.test(value) ? Number(value) : 0
    if (parsed < 1 || parsed > most) report(name, `expected a whole number from 1 to ${most}`)
    return parsed
  }
  const { max_key_ttl_days } = raw
  const maxKeyTtlDays = max_key_ttl_days === undefined ? null : integer('max_key_ttl_days', max_key_ttl_days, 3660)
  const isRotated = raw.signing_key_rotation_days !== '0'
  const signingKeyRotationDays = isRotated
    ? integer('signing_key_rotation_days', raw.signing_key_rotation_days, 3660)
    : null
  for (const name of ['stale_grace_seconds', 'stop_delay_seconds'] as const) {
    if (!/^([0-9]{1,2}|[12][0-9]{2}|300)$/.test(raw[name])) report(name, 'expected a whole number from 0 to 300')
  }
  if (raw.node_name !== undefined && parseName(raw.node_name) === undefined) {
    report('node_name', 'expected 1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit')
  }
  const decisionRetentionDays = integer('decision_retention_days', raw.decision_retention_days, 3660)
  const decisionMaxMib = integer('decision_max_mib', raw.decision_max_mib, 1_000_000)
  const maxPatTtlDays = integer('max_pat_ttl_days', raw.max_pat_ttl_days, 3660)
  const patTtlDays = integer('pat_ttl_days', raw.pat_ttl_days, 3660)
  if (maxPatTtlDays > 0 && patTtlDays > maxPatTtlDays)
    report('pat_ttl_days', `expected at most COUNTERSIGN_MAX_PAT_TTL_DAYS (${maxPatTtlDays})`)
  const choice = <const Word extends string>(name: keyof RawConfig, words: readonly Word[]) => {
    const word = words.find((one) => one === raw[name])
    return word ?? report(name, `expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
  }
  const patCreation = choice('pat_creation', ['self', 'admin'])
  const patByPat = choice('pat_by_pat', ['deny', 'allow'])
  const tokenListener = choice('token_listener', ['any', 'internal'])
  if (tokenListener === 'internal' && raw.internal_listen === undefined) {
    problems.push(
      'COUNTERSIGN_TOKEN_LISTENER: internal needs an internal listener, or nobody could get a token: ' +
        'set COUNTERSIGN_INTERNAL_LISTEN, for example unix:/run/countersign/verify.sock, or any',
    )
  }
  const logLevel = choice('log_level', ['debug', 'info', 'warn', 'error'])

  const verifyIsGuarded = internalListen !== undefined || raw.proxy_secret !== undefined
  if (publicUrl !== undefined && !isLoopback(publicUrl) && !verifyIsGuarded) {
    const where = raw.public_url === undefined ? `COUNTERSIGN_LISTEN (${raw.listen})` : 'COUNTERSIGN_PUBLIC_URL'
    problems.push(
      `${where} is not loopback, so whoever reaches it could ask for decisions: ` +
        'set COUNTERSIGN_INTERNAL_LISTEN (a listener for proxies alone) or COUNTERSIGN_PROXY_SECRET',
    )
  }
  if (listen?.kind !== 'tcp' || publicUrl === undefined || trustedProxies === undefined) return
  if (logLevel === undefined || patCreation === undefined || egressNetworks === undefined) return
  if (groupMappings === undefined) return
  if (tokenListener === undefined) return
  return {
    dataDir: raw.data_dir,
    databaseUrl: raw.database_url,
    listen,
    internalListen,
    publicUrl,
    tokenListener,
    trustedProxies,
    proxySecret: raw.proxy_secret,
    egressNetworks,
    issuerFileDirs,
    groupMappings,
    bootstrapKey: raw.bootstrap_key,
    kek,
    maxKeyTtlDays,
    patCreation,
    patByPat: patByPat === 'allow',
    patTtlDays,
    maxPatTtlDays,
    signingKeyRotationDays,
    decisionRetentionDays,
    staleGraceMs: Number(raw.stale_grace_seconds) * 1000,
    stopDelayMs: Number(raw.stop_delay_seconds) * 1000,
    nodeName: raw.node_name,
    declaredFile: raw.apply,
    decisionMaxMib,
    logLevel,
  }
}

function parseListen(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const [, path, mode = '0660'] = /^unix:(\/[^?]+)(?:\?mode=(0?[0-7]{3}))?$/.exec(text) ?? []
    return path === undefined ? undefined : { kind: 'unix', path, mode: Number.parseInt(mode, 8) }
  }
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(text)
  const hostname = parts?.[1]
  const port = Number(parts?.[2])
  return hostname === undefined || port > 65535 ? undefined : { kind: 'tcp', hostname, port }
}

function parsePublicUrl(text: string): string | undefined {
  const parts = /^(https?):\/\/([^/?#@\s]+)$/.exec(text)
  if (parts === null) return undefined
  const scheme = parts[1] === 'https' ? 'https' : 'http'
  const host = parseHost(parts[2] ?? '', scheme)
  return host === undefined ? undefined : `${scheme}://${host}`
}

/** What of it must never be read by whoever reads the log. */
export function secretsOf({ proxySecret, bootstrapKey, kek, databaseUrl }: Config): readonly string[] {
  const password = databaseUrl === undefined ? undefined : /^[^:]+:\/\/[^/?#@]*?:([^/?#]*)@/.exec(databaseUrl)?.[1]
  const all = [proxySecret, bootstrapKey, kek && Buffer.from(kek).toString('base64'), databaseUrl, password]
  // A shorter one stands in every other word.
  return all.filter((secret): secret is string => secret !== undefined && secret.length >= 8)
}

/** Its parts are the driver's to read. It allows an empty host, for a unix socket; a URL with a user does not. */
function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\/\S+$/.test(text) && URL.canParse(text.replace('@/', '@localhost/'))
}

function parseNetworks(text: string): Network[] | undefined {
  const networks = text.split(',').map((part) => parseNetwork(part.trim()))
  return networks.every((network) => network !== undefined) ? networks : undefined
}

function parseGroupMappings(text: string): RoleMappings | undefined {
  try {
    return GroupMappings.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

export function hostOf(publicUrl: string): string {
  return publicUrl.replace(/^https?:\/\//, '')
}

/** Without the port: what mail addresses are made of. */
export function hostnameOf(publicUrl: string): string {
  return hostOf(publicUrl).replace(/:[0-9]+$/, '')
}

function isLoopback(publicUrl: string): boolean {
  const host = hostnameOf(publicUrl)
  return host === 'localhost' || host === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(host)
}
