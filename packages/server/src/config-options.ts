/** One option: from this line come its variable, the YAML form, validation, `--help` and docs/reference/config.md. */
export type Option = {
  readonly name: keyof RawConfig
  readonly type:
    | 'path'
    | 'address'
    | 'url'
    | 'networks'
    | 'paths'
    | 'mappings'
    | 'secret'
    | 'integer'
    | 'choice'
    | 'name'
  readonly default: string | undefined
  readonly doc: string
  readonly example: string
}

export type RawConfig = {
  data_dir: string
  database_url: string | undefined
  listen: string
  internal_listen: string | undefined
  public_url: string | undefined
  token_listener: string
  trusted_proxies: string
  proxy_secret: string | undefined
  egress_networks: string | undefined
  issuer_file_dirs: string
  group_mappings: string
  bootstrap_key: string | undefined
  kek: string | undefined
  max_key_ttl_days: string | undefined
  pat_creation: string
  pat_by_pat: string
  pat_ttl_days: string
  max_pat_ttl_days: string
  signing_key_rotation_days: string
  stale_grace_seconds: string
  stop_delay_seconds: string
  node_name: string | undefined
  apply: string | undefined
  decision_retention_days: string
  decision_max_mib: string
  log_level: string
}

export const OPTIONS: readonly Option[] = [
  {
    name: 'data_dir',
    type: 'path',
    default: './data',
    doc: 'Where the database, the key-encryption key and the decisions are kept.',
    example: '/var/lib/countersign',
  },
  {
    name: 'database_url',
    type: 'secret',
    default: undefined,
    doc: 'A PostgreSQL database in place of the embedded one. Then the data directory keeps only the key-encryption key if no other is set, and the first admin key.',
    example: 'postgres://countersign:PASSWORD@db.example.com/countersign?sslmode=verify-full',
  },
  {
    name: 'listen',
    type: 'address',
    default: '127.0.0.1:8420',
    doc: 'The public listener: management API, key set and, without an internal listener, verify.',
    example: '127.0.0.1:8420',
  },
  {
    name: 'internal_listen',
    type: 'address',
    default: undefined,
    doc: 'A listener for proxies alone: host:port or unix:/path, with ?mode=0660 for the file mode. When set, verify exists only here.',
    example: 'unix:/run/countersign/verify.sock?mode=0660',
  },
  {
    name: 'public_url',
    type: 'url',
    default: undefined,
    doc: 'The address that others know this server by: the issuer of what it signs. Default: http:// and the listener.',
    example: 'https://auth.example.com',
  },
  {
    name: 'token_listener',
    type: 'choice',
    default: 'any',
    doc: 'Where access tokens are issued: any (both listeners) or internal (the internal listener alone; on the public one there is then no /oauth/token).',
    example: 'internal',
  },
  {
    name: 'trusted_proxies',
    type: 'networks',
    default: '127.0.0.0/8,::1/128',
    doc: 'Networks whose machines may ask for decisions, separated by commas.',
    example: '127.0.0.1/32,10.0.3.0/24',
  },
  {
    name: 'proxy_secret',
    type: 'secret',
    default: undefined,
    doc: 'What a proxy has to send as Countersign-Proxy-Secret. When set, it counts instead of the address. At least 32 characters.',
    example: 'a file with the output of: openssl rand -hex 32',
  },
  {
    name: 'egress_networks',
    type: 'networks',
    default: undefined,
    doc: 'Private networks that the server may fetch keys from, separated by commas. Unset: it connects to public addresses alone, by https.',
    example: '10.0.3.0/24,fd12:3456:789a::/48',
  },
  {
    name: 'issuer_file_dirs',
    type: 'paths',
    default: '/var/run/secrets/kubernetes.io/serviceaccount',
    doc: 'Directories of this host, separated by commas, whose files issuers may name: pinned keys, certificates of a cluster, the token that its API server is shown. Nothing else can be read through the management API, whoever asks.',
    example: '/etc/countersign/issuers,/var/run/secrets/kubernetes.io/serviceaccount',
  },
  {
    name: 'group_mappings',
    type: 'mappings',
    default: '{}',
    doc: 'Which groups the claims of tokens give, for issuers that have no group_mappings of their own: a JSON object (in the file, lines below it), group here to values of the claim.',
    example: '{"git-admins":["f3a1-admins"]}',
  },
  {
    name: 'bootstrap_key',
    type: 'secret',
    default: undefined,
    doc: 'A static key of the built-in client bootstrap, role admin, for the management API alone. 32 or more of A-Z a-z 0-9 - . _ ~ + /, not starting with cs_.',
    example: 'a file with the output of: openssl rand -hex 32',
  },
  {
    name: 'kek',
    type: 'secret',
    default: undefined,
    doc: 'The key-encryption key, 32 bytes in base64. Default: the file kek in the data directory, made on the first start.',
    example: 'a file with the output of: openssl rand -base64 32',
  },
  {
    name: 'max_key_ttl_days',
    type: 'integer',
    default: undefined,
    doc: 'The longest life of an API key in days. Unset: a key may live until it is revoked.',
    example: '366',
  },
  {
    name: 'pat_creation',
    type: 'choice',
    default: 'self',
    doc: 'Who makes personal access tokens: self (each user their own, and administrators) or admin (administrators alone).',
    example: 'admin',
  },
  {
    name: 'pat_by_pat',
    type: 'choice',
    default: 'deny',
    doc: 'deny or allow: whether a personal access token may make or rotate tokens of its owner. What it makes reaches no further, ends no later and is revoked with it.',
    example: 'allow',
  },
  {
    name: 'pat_ttl_days',
    type: 'integer',
    default: '90',
    doc: 'How long a personal access token lives for which no end is asked, in days.',
    example: '30',
  },
  {
    name: 'max_pat_ttl_days',
    type: 'integer',
    default: '366',
    doc: 'The longest life of a personal access token in days.',
    example: '180',
  },
  {
    name: 'signing_key_rotation_days',
    type: 'integer',
    default: '90',
    doc: 'How long a key signs tokens and assertions before the next one does, in days. 0: until somebody rotates it. Keys are published ten minutes before they sign and until nothing that they signed is alive.',
    example: '30',
  },
  {
    name: 'stale_grace_seconds',
    type: 'integer',
    default: '0',
    doc: 'For how long a server that cannot reach its database answers from what it knew last, beyond the five seconds for which it does so anyway. Each of these seconds is one in which a revoked credential may pass. 0 to 300.',
    example: '60',
  },
  {
    name: 'node_name',
    type: 'name',
    default: undefined,
    doc: 'What this server is called among those on one database. Default: the name of the host, and the port.',
    example: 'auth-1',
  },
  {
    name: 'stop_delay_seconds',
    type: 'integer',
    default: '0',
    doc: 'How long the server answers on after it was asked to stop, in seconds, while /readyz says no: as long as whoever sends requests here takes to notice. 0 where a proxy asks another node by itself.',
    example: '5',
  },
  {
    name: 'apply',
    type: 'path',
    default: undefined,
    doc: 'A declared file: what it declares is brought about at each start, and nothing is deleted. A mistake in it stops the start.',
    example: '/etc/countersign/declared.yaml',
  },
  {
    name: 'decision_retention_days',
    type: 'integer',
    default: '7',
    doc: 'How long refusals and counts are kept.',
    example: '30',
  },
  {
    name: 'decision_max_mib',
    type: 'integer',
    default: '1024',
    doc: 'The most that refusals and counts may take on disk, in MiB.',
    example: '256',
  },
  {
    name: 'log_level',
    type: 'choice',
    default: 'info',
    doc: 'debug, info, warn or error. Logs are JSON lines on standard output.',
    example: 'warn',
  },
]
