import { describe, expect, test } from 'bun:test'
import { type Config, type ConfigSources, OPTIONS, type Option, parseConfig, variableOf } from './config.ts'

type Given = { env?: Record<string, string>; flags?: Record<string, string>; files?: Record<string, string> }

function sourcesOf({ env = {}, flags = {}, files = {} }: Given): ConfigSources {
  return {
    env,
    flags,
    readFile(path) {
      const text = files[path]
      if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
      return text
    },
  }
}

function configOf(given: Given): Config {
  const parsed = parseConfig(sourcesOf(given))
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'))
  return parsed.config
}

function problemsOf(given: Given): string[] {
  const parsed = parseConfig(sourcesOf(given))
  return 'problems' in parsed ? parsed.problems : []
}

const SECRET = 'a-secret-of-32-characters-or-more'
const KEK = Buffer.alloc(32, 7).toString('base64')
const DATABASE = 'postgres://countersign:pass%23word@db.example.com:5433/countersign?sslmode=verify-full'

/** For each option: what a person writes, and what it becomes. */
const VALUES: Record<Option['name'], { text: string; read: (config: Config) => unknown; value: unknown }> = {
  stop_delay_seconds: { text: '5', read: ({ stopDelayMs }) => stopDelayMs, value: 5000 },
  stale_grace_seconds: { text: '60', read: ({ staleGraceMs }) => staleGraceMs, value: 60_000 },
  node_name: { text: 'auth-1', read: ({ nodeName }) => nodeName, value: 'auth-1' },
  apply: {
    text: '/etc/countersign/declared.yaml',
    read: ({ declaredFile }) => declaredFile,
    value: '/etc/countersign/declared.yaml',
  },
  data_dir: { text: '/srv/data', read: ({ dataDir }) => dataDir, value: '/srv/data' },
  database_url: { text: DATABASE, read: ({ databaseUrl }) => databaseUrl, value: DATABASE },
  listen: {
    text: '[::1]:9000',
    read: ({ listen }) => listen,
    value: { kind: 'tcp', hostname: '[::1]', port: 9000 },
  },
  internal_listen: {
    text: 'unix:/run/x.sock?mode=0600',
    read: ({ internalListen }) => internalListen,
    value: { kind: 'unix', path: '/run/x.sock', mode: 0o600 },
  },
  public_url: { text: 'http://localhost:8420', read: ({ publicUrl }) => publicUrl, value: 'http://localhost:8420' },
  token_listener: { text: 'any', read: ({ tokenListener }) => tokenListener, value: 'any' },
  trusted_proxies: {
    text: '10.0.3.0/24, ::1/128',
    read: ({ trustedProxies }) => trustedProxies.map(({ prefixLength }) => prefixLength).length,
    value: 2,
  },
  proxy_secret: { text: SECRET, read: ({ proxySecret }) => proxySecret, value: SECRET },
  egress_networks: {
    text: '10.0.3.0/24, fd00::/8',
    read: ({ egressNetworks }) => egressNetworks.map(({ prefixLength }) => prefixLength),
    value: [24, 8],
  },
  issuer_file_dirs: {
    text: '/etc/issuers, /run/tokens',
    read: ({ issuerFileDirs }) => issuerFileDirs,
    value: ['/etc/issuers', '/run/tokens'],
  },
  group_mappings: {
    text: '{"admins":["a","b"]}',
    read: ({ groupMappings }) => groupMappings,
    value: { admins: ['a', 'b'] },
  },
  bootstrap_key: { text: SECRET, read: ({ bootstrapKey }) => bootstrapKey, value: SECRET },
  kek: { text: KEK, read: ({ kek }) => kek && [...kek], value: Array.from({ length: 32 }, () => 7) },
  max_key_ttl_days: { text: '30', read: ({ maxKeyTtlDays }) => maxKeyTtlDays, value: 30 },
  pat_creation: { text: 'admin', read: ({ patCreation }) => patCreation, value: 'admin' },
  pat_by_pat: { text: 'allow', read: ({ patByPat }) => patByPat, value: true },
  pat_ttl_days: { text: '30', read: ({ patTtlDays }) => patTtlDays, value: 30 },
  max_pat_ttl_days: { text: '180', read: ({ maxPatTtlDays }) => maxPatTtlDays, value: 180 },
  signing_key_rotation_days: {
    text: '30',
    read: ({ signingKeyRotationDays }) => signingKeyRotationDays,
    value: 30,
  },
  decision_retention_days: { text: '9', read: ({ decisionRetentionDays }) => decisionRetentionDays, value: 9 },
  decision_max_mib: { text: '10', read: ({ decisionMaxMib }) => decisionMaxMib, value: 10 },
  log_level: { text: 'warn', read: ({ logLevel }) => logLevel, value: 'warn' },
}
const options = OPTIONS.map((option) => [option.name, option] as const)
const secrets = options.filter(([, { type }]) => type === 'secret')
const others = options.filter(([, { type }]) => type !== 'secret')

describe('with nothing configured', () => {
  test('it listens on loopback alone, keeps its data beside itself and trusts loopback', () => {
    expect(configOf({})).toMatchObject({
      dataDir: './data',
      listen: { kind: 'tcp', hostname: '127.0.0.1', port: 8420 },
      internalListen: undefined,
      publicUrl: 'http://127.0.0.1:8420',
      proxySecret: undefined,
      bootstrapKey: undefined,
      kek: undefined,
      maxKeyTtlDays: null,
      logLevel: 'info',
    })
    expect(configOf({}).trustedProxies).toHaveLength(2)
    expect(configOf({}).egressNetworks).toEqual([])
  })

  test('the public URL follows the listener', () => {
    expect(configOf({ env: { COUNTERSIGN_LISTEN: '127.0.0.1:9000' } }).publicUrl).toBe('http://127.0.0.1:9000')
  })
})

describe('each option', () => {
  test.each(options)('%s can be set by its variable', (name, option) => {
    const { text, read, value } = VALUES[name]
    expect(read(configOf({ env: { [variableOf(option)]: text } }))).toEqual(value)
  })

  test.each(options)('%s can be set in the file', (name) => {
    const { text, read, value } = VALUES[name]
    const files = { 'c.yaml': `${name}: ${JSON.stringify(text)}` }
    expect(read(configOf({ env: { COUNTERSIGN_CONFIG: 'c.yaml' }, files }))).toEqual(value)
  })

  test.each(others)('%s can be set by a flag', (name) => {
    const { text, read, value } = VALUES[name]
    expect(read(configOf({ flags: { [name]: text } }))).toEqual(value)
  })

  test.each(options)('%s has an example that is shown when it is wrong', (name, option) => {
    if (name === 'data_dir' || name === 'apply') return
    const env = { COUNTERSIGN_PUBLIC_URL: 'http://localhost', [variableOf(option)]: '#' }
    const [problem, ...more] = problemsOf({ env })
    expect(problem).toStartWith(`${variableOf(option)}: expected `)
    expect(problem).toEndWith(`for example ${option.example}`)
    expect(more).toEqual([])
  })

  test('the flag wins over the variable, which wins over the file', () => {
    const files = { 'c.yaml': 'log_level: error\ndecision_max_mib: 1\ndata_dir: /file' }
    const env = { COUNTERSIGN_CONFIG: 'c.yaml', COUNTERSIGN_LOG_LEVEL: 'warn', COUNTERSIGN_DECISION_MAX_MIB: '2' }
    const config = configOf({ env, files, flags: { log_level: 'debug' } })
    expect([config.logLevel, config.decisionMaxMib, config.dataDir]).toEqual(['debug', 2, '/file'])
  })

  test('the file that a flag names wins over the one that the variable names', () => {
    const files = { 'a.yaml': 'data_dir: /a', 'b.yaml': 'data_dir: /b' }
    const env = { COUNTERSIGN_CONFIG: 'a.yaml' }
    expect(configOf({ env, files, flags: { config: 'b.yaml' } }).dataDir).toBe('/b')
  })
})

test('a listener whose port is not known yet needs a public URL', () => {
  const env = { COUNTERSIGN_LISTEN: '127.0.0.1:0' }
  expect(problemsOf({ env })).toEqual([
    'COUNTERSIGN_PUBLIC_URL: expected the address that others know it by, since 127.0.0.1:0 is none, for example https://auth.example.com',
  ])
  expect(problemsOf({ env: { ...env, COUNTERSIGN_PUBLIC_URL: 'http://localhost' } })).toEqual([])
})

describe('access tokens', () => {
  const env = { COUNTERSIGN_TOKEN_LISTENER: 'internal' }

  test('are issued on the internal listener alone, where that is said', () => {
    const internal = { ...env, COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:9' }
    expect(configOf({ env: internal }).tokenListener).toBe('internal')
  })

  test('cannot be issued on a listener that there is not: the start is refused', () => {
    const [problem, ...more] = problemsOf({ env })
    expect(problem).toMatch(/^COUNTERSIGN_TOKEN_LISTENER: .*COUNTERSIGN_INTERNAL_LISTEN/)
    expect(more).toEqual([])
  })
})

describe('a secret', () => {
  test.each(secrets)('%s can come from a file of its own, with or without a line end', (name, option) => {
    const { text, read, value } = VALUES[name]
    for (const end of ['', '\n', '\r\n']) {
      const env = { [`${variableOf(option)}_FILE`]: '/run/secret' }
      expect(read(configOf({ env, files: { '/run/secret': `${text}${end}` } }))).toEqual(value)
    }
  })

  test.each(secrets)('%s can come from a file of its own that the configuration file names', (name) => {
    const { text, read, value } = VALUES[name]
    const files = { 'c.yaml': `${name}_file: /run/secret`, '/run/secret': `${text}\n` }
    expect(read(configOf({ flags: { config: 'c.yaml' }, files }))).toEqual(value)
  })

  test.each(secrets)('%s is not off when it is empty: the start is refused', (_, option) => {
    const variable = variableOf(option)
    expect(problemsOf({ env: { [variable]: '' } })).toHaveLength(1)
    expect(problemsOf({ env: { [`${variable}_FILE`]: '/empty' }, files: { '/empty': '\n' } })).toHaveLength(1)
    expect(problemsOf({ flags: { config: 'c.yaml' }, files: { 'c.yaml': `${option.name}: ''` } })).toHaveLength(1)
    expect(problemsOf({ flags: { config: 'c.yaml' }, files: { 'c.yaml': `${option.name}:` } })).toHaveLength(1)
  })

  test.each(secrets)('%s is not off when its file cannot be read: the start is refused', (_, option) => {
    const variable = variableOf(option)
    expect(problemsOf({ env: { [`${variable}_FILE`]: '/gone' } }).join()).toContain(`${variable}_FILE: ENOENT`)
    const files = { 'c.yaml': `${option.name}_file: /gone` }
    expect(problemsOf({ flags: { config: 'c.yaml' }, files }).join()).toContain(`c.yaml: ${option.name}_file: ENOENT`)
  })

  test.each(secrets)('%s is refused when it is set twice', (name, option) => {
    const variable = variableOf(option)
    const env = { [variable]: VALUES[name].text, [`${variable}_FILE`]: '/run/secret' }
    const problems = problemsOf({ env, files: { '/run/secret': VALUES[name].text } })
    expect(problems).toEqual([`${variable} and ${variable}_FILE are both set; keep one`])
  })

  test.each(secrets)('%s is never repeated by a problem', (_, option) => {
    const wrong = 'cs_too-short-%'
    const given: Given[] = [
      { env: { [variableOf(option)]: wrong } },
      { env: { [`${variableOf(option)}_FILE`]: '/f' }, files: { '/f': wrong } },
      { flags: { config: 'c.yaml' }, files: { 'c.yaml': `${option.name}: "${wrong}"` } },
      { flags: { config: 'c.yaml' }, files: { 'c.yaml': `${option.name}: ["${wrong}"]` } },
      { flags: { config: 'c.yaml' }, files: { 'c.yaml': `${option.name}: "${wrong}"\n${option.name}: "${wrong}"` } },
    ]
    for (const one of given) {
      expect(problemsOf(one).length).toBeGreaterThan(0)
      expect(problemsOf(one).join()).not.toContain(wrong)
    }
  })

  test.each(others)('alone may stand in a file of its own, not %s', (_, option) => {
    const problems = problemsOf({ env: { [`${variableOf(option)}_FILE`]: '/f' }, files: { '/f': 'x' } })
    expect(problems).toEqual([
      `${variableOf(option)}_FILE: only secrets can come from a file; set ${variableOf(option)}`,
    ])
  })
})

describe('what cannot stand', () => {
  const refused: [variable: string, texts: string[]][] = [
    ['COUNTERSIGN_DATA_DIR', ['']],
    [
      'COUNTERSIGN_LISTEN',
      [
        '',
        '8420',
        ':8420',
        '127.0.0.1',
        '127.0.0.1:',
        '127.0.0.1:65536',
        '127.0.0.1:84200',
        '127.0.0.1:-1',
        '::1:8420',
        'unix:/x',
      ],
    ],
    [
      'COUNTERSIGN_INTERNAL_LISTEN',
      [
        '',
        '8420',
        'unix:x',
        'unix:',
        'unix:/x?mode=',
        'unix:/x?mode=999',
        'unix:/x?mode=07777',
        'unix:/x?x=1',
        'unix:/x?mode=0660?x',
      ],
    ],
    [
      'COUNTERSIGN_PUBLIC_URL',
      [
        '',
        'localhost',
        'ftp://localhost',
        'http://',
        'http://localhost/',
        'http://localhost/x',
        'http://localhost?x',
        'http://a@localhost',
        'http://localhost:99999',
      ],
    ],
    [
      'COUNTERSIGN_TRUSTED_PROXIES',
      ['', '127.0.0.1,', 'localhost', '10.0.0.0/33', '10.0.0.1/8', '*', '10.0.0.0/8 10.1.0.0/8'],
    ],
    ['COUNTERSIGN_EGRESS_NETWORKS', ['', '10.0.0.0/8,', 'localhost', '10.0.0.1/8', '*', 'none']],
    ['COUNTERSIGN_PROXY_SECRET', ['x'.repeat(31)]],
    [
      'COUNTERSIGN_BOOTSTRAP_KEY',
      ['x'.repeat(31), `cs_${SECRET}`, `${SECRET} `, `${SECRET}ü`, `${SECRET},`, 'x'.repeat(513)],
    ],
    ['COUNTERSIGN_KEK', [Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), 'x'.repeat(32)]],
    ['COUNTERSIGN_MAX_KEY_TTL_DAYS', ['', '0', '-1', '1.5', 'ten', '1e2', ' 1', '3661', '99999999']],
    ['COUNTERSIGN_DECISION_RETENTION_DAYS', ['', '0', '3661']],
    ['COUNTERSIGN_DECISION_MAX_MIB', ['', '0', '1000001']],
    ['COUNTERSIGN_LOG_LEVEL', ['', 'trace', 'INFO', 'warning']],
  ]
  test.each(refused)('%s', (variable, texts) => {
    const accepted = texts.filter((text) => problemsOf({ env: { [variable]: text } }).length === 0)
    expect(accepted).toEqual([])
  })

  const unknown: [where: string, given: Given, names: string][] = [
    ['a variable', { env: { COUNTERSIGN_LISTENS: 'x' } }, 'COUNTERSIGN_LISTENS'],
    ['a variable in small letters', { env: { COUNTERSIGN_listen: 'x' } }, 'COUNTERSIGN_listen'],
    ['a file for no option', { env: { COUNTERSIGN_NOTHING_FILE: 'x' } }, 'COUNTERSIGN_NOTHING_FILE'],
    ['a line of the file', { flags: { config: 'c' }, files: { c: 'listens: x' } }, 'c: line 1: listens'],
    [
      'a file for what is no secret',
      { flags: { config: 'c' }, files: { c: 'listen_file: x' } },
      'c: line 1: listen_file',
    ],
  ]
  test.each(unknown)('%s that is unknown', (_, given, names) => {
    expect(problemsOf(given)).toEqual([`${names}: there is no such option; see countersign serve --help`])
  })

  test('a file that cannot be read, or is not one', () => {
    const read = (text?: string) => problemsOf({ flags: { config: 'c' }, files: text === undefined ? {} : { c: text } })
    expect(read()).toEqual(["c: ENOENT: no such file, open 'c'"])
    for (const text of [
      '',
      'null',
      '- listen',
      'listen',
      '{',
      'listen: a\nlisten: b',
      'listen: [a]',
      'listen: {a: b}',
    ]) {
      expect([text, read(text).length]).toEqual([text, 1])
    }
  })

  test('all of it, told at once', () => {
    const env = {
      COUNTERSIGN_LISTEN: 'x',
      COUNTERSIGN_LISTENS: 'x',
      COUNTERSIGN_PROXY_SECRET: '',
      COUNTERSIGN_KEK_FILE: '/gone',
      COUNTERSIGN_LOG_LEVEL: 'x',
      COUNTERSIGN_CONFIG: 'c',
    }
    const problems = problemsOf({ env, files: { c: 'max_key_ttl_days: 0\nnothing: 1' } })
    const names = problems.map((problem) => problem.split(':')[0])
    expect(names.sort()).toEqual([
      'COUNTERSIGN_KEK_FILE',
      'COUNTERSIGN_LISTEN',
      'COUNTERSIGN_LISTENS',
      'COUNTERSIGN_LOG_LEVEL',
      'COUNTERSIGN_MAX_KEY_TTL_DAYS',
      'COUNTERSIGN_PROXY_SECRET',
      'c',
    ])
  })
})

describe('what can stand', () => {
  const accepted: [variable: string, texts: string[]][] = [
    ['COUNTERSIGN_LISTEN', ['[::1]:8420', 'localhost:1', '127.0.0.1:65535']],
    ['COUNTERSIGN_INTERNAL_LISTEN', ['127.0.0.1:1', 'unix:/x', 'unix:/x?mode=0600', 'unix:/x?mode=666']],
    ['COUNTERSIGN_PUBLIC_URL', ['http://127.0.0.1', 'https://localhost', 'http://[::1]:8420', 'http://127.8.0.1:1']],
    ['COUNTERSIGN_TRUSTED_PROXIES', ['127.0.0.1', '10.0.0.0/8 , 192.0.2.1/32', '::1']],
    ['COUNTERSIGN_BOOTSTRAP_KEY', ['x'.repeat(32), `${'x'.repeat(32)}==`, `A-._~+/${'9'.repeat(32)}`, 'x'.repeat(512)]],
    ['COUNTERSIGN_MAX_KEY_TTL_DAYS', ['1', '3660']],
    ['COUNTERSIGN_LOG_LEVEL', ['debug', 'info', 'warn', 'error']],
  ]
  test.each(accepted)('%s', (variable, texts) => {
    expect(texts.flatMap((text) => problemsOf({ env: { [variable]: text } }))).toEqual([])
  })

  test('variables of the command line client and of others', () => {
    const env = {
      COUNTERSIGN_SERVER: 'x',
      COUNTERSIGN_KEY: 'x',
      COUNTERSIGN_KEY_FILE: 'x',
      PATH: 'x',
      countersign_x: 'x',
    }
    expect(problemsOf({ env })).toEqual([])
  })

  test('a public URL is written in its one spelling', () => {
    const env = { COUNTERSIGN_PUBLIC_URL: 'https://AUTH.example.com:443', COUNTERSIGN_PROXY_SECRET: SECRET }
    expect(configOf({ env }).publicUrl).toBe('https://auth.example.com')
  })
})

describe('with a public URL that is not loopback', () => {
  const at = (publicUrl: string, further: Record<string, string> = {}) =>
    problemsOf({ env: { COUNTERSIGN_PUBLIC_URL: publicUrl, ...further } })

  const exposed = [
    'https://auth.example.com',
    'http://auth.example.com:8420',
    'https://192.0.2.1',
    'https://localhost.example.com',
    'https://127.example.com',
    'https://127.0.0.1.example.com',
    'https://[2001:db8::1]',
    'http://0.0.0.0:8420',
  ]
  test.each(exposed)('%s, the start is refused unless verify is guarded', (publicUrl) => {
    const [problem, ...more] = at(publicUrl)
    expect(problem).toContain('COUNTERSIGN_INTERNAL_LISTEN')
    expect(problem).toContain('COUNTERSIGN_PROXY_SECRET')
    expect(more).toEqual([])
    expect(at(publicUrl, { COUNTERSIGN_PROXY_SECRET: SECRET })).toEqual([])
    expect(at(publicUrl, { COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:8421' })).toEqual([])
    expect(at(publicUrl, { COUNTERSIGN_INTERNAL_LISTEN: 'unix:/run/x.sock' })).toEqual([])
  })

  test('a guard that cannot stand is none', () => {
    expect(at('https://auth.example.com', { COUNTERSIGN_INTERNAL_LISTEN: 'x' }).length).toBeGreaterThan(1)
  })

  test('that comes from a listener on every address, the start is refused, too', () => {
    expect(problemsOf({ env: { COUNTERSIGN_LISTEN: '0.0.0.0:8420' } })).toHaveLength(1)
  })
})
