// What the command line says of how a client gets tokens, and of which.

import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { thumbprintOf } from '@countersign/resource-server'
import { client, key, ok, page, playApi } from '../testing/play-api.ts'

const api = playApi()
api.answer('POST /clients', { status: 201, body: client })
api.answer('GET /clients/canister', ok(client))
api.answer('PATCH /clients/canister', ok(client))

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bare = publicKey.export({ format: 'jwk' })
const jwk = { ...bare, kid: 'one', alg: 'ES256' }
const files = {
  'set.json': JSON.stringify({ keys: [jwk] }),
  'jwk.json': JSON.stringify(jwk),
  'public.pem': publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  'private.pem': privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  'private.json': JSON.stringify(privateKey.export({ format: 'jwk' })),
  'text.json': 'no key',
  'empty.json': '{"keys":[]}',
}

test.each([
  [
    '--auth-method private_key_jwt --jwks-file set.json',
    { token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [jwk] }, jwks_uri: null },
  ],
  [
    '--auth-method client_secret_basic --auth-method private_key_jwt --jwks-uri https://a.example/jwks',
    {
      token_endpoint_auth_methods: ['client_secret_basic', 'private_key_jwt'],
      ...{ jwks: null, jwks_uri: 'https://a.example/jwks' },
    },
  ],
  ['--auth-method none --grant none', { token_endpoint_auth_methods: [], grants: [] }],
  ['--grant client_credentials --token-ttl 5m', { grants: ['client_credentials'], access_token_ttl_seconds: 300 }],
  ['--default-resource webdav --listener internal', { default_resource: 'webdav', listener: 'internal' }],
  ['--default-resource none --token-ttl none', { default_resource: null, access_token_ttl_seconds: null }],
])('client create canister %s', async (options, body) => {
  const { code, err } = await api.run(`client create canister ${options}`, { files })
  expect({ code, said: code === 0 ? '' : err }).toEqual({ code: 0, said: '' })
  expect(api.sent[0]?.body).toEqual({ id: 'canister', ...body })
})

test.each(['jwk.json', 'set.json'])('the keys of %s are sent as they are', async (file) => {
  await api.run(`client create canister --jwks-file ${file}`, { files })
  expect(api.sent[0]?.body).toMatchObject({ jwks: { keys: [jwk] } })
})

test.each(['public.pem', 'private.pem'])('of %s the public key is sent, and nothing else', async (file) => {
  const { err } = await api.run(`client create canister --jwks-file ${file}`, { files })
  expect(api.sent[0]?.body).toMatchObject({ jwks: { keys: [bare] } })
  expect(JSON.stringify(api.sent)).not.toContain('"d"')
  expect(err.includes(`${file} is a private key: only the public part is sent.`)).toBe(file === 'private.pem')
})

test('keys of several files are sent as one set, those in PEM under their thumbprints, whatever their kind', async () => {
  const kinds = [
    ['ec', generateKeyPairSync('ec', { namedCurve: 'P-256' }), { name: 'ECDSA', namedCurve: 'P-256' }],
    ['ed', generateKeyPairSync('ed25519'), { name: 'Ed25519' }],
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
  ] as const
  const pems = kinds.map(([file, { publicKey: key }]) => [
    `${file}.pem`,
    String(key.export({ format: 'pem', type: 'spki' })),
  ])
  const named = pems.map(([file]) => ` --jwks-file ${file}`).join('')
  const { err } = await api.run(`client update canister --jwks-file jwk.json${named}`, {
    files: { ...files, ...Object.fromEntries(pems) },
  })
  const kids = await Promise.all(
    kinds.map(async ([, { publicKey: key }, alg]) =>
      thumbprintOf(await crypto.subtle.importKey('jwk', key.export({ format: 'jwk' }), alg, true, ['verify'])),
    ),
  )
  expect(api.sent[1]?.body).toMatchObject({ jwks: { keys: ['one', ...kids].map((kid) => ({ kid })) } })
  for (const kid of kids) expect(err).toContain(kid)
})

test('keys that the client may not use are told, with the command that allows it beside what it has', async () => {
  const withKeys = { ...client, jwks: { keys: [jwk] } }
  api.answer('PATCH /clients/canister', ok(withKeys))
  const { err } = await api.run('client update canister --jwks-file set.json', { files })
  expect(err).toContain('Its keys are not used: it is not registered for private_key_jwt.')
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
  const command = `countersign client update canister${methods.map((method) => ` --auth-method ${method}`).join('')}`
  expect(err).toContain(command)
  api.answer('PATCH /clients/canister', ok({ ...withKeys, token_endpoint_auth_methods: ['private_key_jwt'] }))
  expect((await api.run('client update canister --jwks-file set.json', { files })).err).not.toContain('not used')
  api.answer('PATCH /clients/canister', ok(client))
})

test.each([
  [
    ['private_key_jwt'],
    'private_key_jwt alone. To allow it: countersign client update canister --auth-method private_key_jwt --auth-method client_secret_basic\n',
  ],
  [[], 'no way to authenticate. To allow it: countersign client update canister --auth-method client_secret_basic\n'],
])('a secret for a client that is registered for %p is told to be of no use yet', async (methods, says) => {
  api.answer('GET /clients/canister', ok({ ...client, token_endpoint_auth_methods: methods }))
  api.answer('POST /clients/canister/secrets', { status: 201, body: { ...key, kind: 'secret', secret: 'cs_secret_x' } })
  const { code, out, err } = await api.run('secret create canister')
  expect({ code, out }).toEqual({ code: 0, out: 'cs_secret_x\n' })
  expect(err).toContain(`This secret cannot be used: client canister is registered for ${says}`)
  expect(err).not.toContain('Get a token with it')
  api.answer('GET /clients/canister', ok(client))
  expect((await api.run('secret create canister')).err).toContain('Get a token with it')
})

test('a client without a default resource is said to get tokens for that of its oldest permission', async () => {
  const { out } = await api.run('client update canister --name Canister')
  expect(out).toMatch(/default resource +that of its oldest permission\n/)
  expect((await api.run('client update --help')).out.replace(/\s+/g, ' ')).toContain(
    '(none: that of its oldest permission)',
  )
})

test('a fence of networks is taken away by any, in the body by null', async () => {
  api.answer('GET /clients/canister', ok({ ...client, networks: ['10.0.0.0/8'] }))
  await api.run('client update canister --network any')
  expect(api.sent[1]?.body).toEqual({ networks: null })
  api.answer('GET /clients/canister', ok(client))
  const empty = await api.run('client update canister --file -', { stdin: '{"networks":[]}' })
  expect(empty.err).toContain('networks: expected at least one network; send null where any network will do')
})

test.each([
  ['--auth-method client_secret_basic', { token_endpoint_auth_methods: ['client_secret_basic'] }],
  ['--listener internal --token-ttl 1h', { listener: 'internal', access_token_ttl_seconds: 3600 }],
  ['--jwks-file set.json', { jwks: { keys: [jwk] } }],
])('client update canister %s sends what changed alone', async (options, body) => {
  expect((await api.run(`client update canister ${options}`, { files })).code).toBe(0)
  expect(api.sent.map(({ method }) => method)).toEqual(['GET', 'PATCH'])
  expect(api.sent[1]?.body).toEqual(body)
})

test('keys are taken away by saying so, and by nothing else', async () => {
  api.answer('GET /clients/canister', ok({ ...client, jwks: { keys: [jwk] } }))
  await api.run('client update canister --name Other')
  expect(api.sent[1]?.body).toEqual({ name: 'Other' })
  await api.run('client update canister --no-jwks')
  expect(api.sent[1]?.body).toEqual({ jwks: null })
  await api.run('client update canister --jwks-uri https://a.example/jwks')
  expect(api.sent[1]?.body).toEqual({ jwks: null, jwks_uri: 'https://a.example/jwks' })
  api.answer('GET /clients/canister', ok(client))
  expect((await api.run('client update canister --no-jwks')).err).toContain('nothing was changed')
})

test.each([
  ['--jwks-file private.json', 'jwks.keys[0]: expected a public key: send no private members'],
  ['--jwks-file text.json', '--jwks-file text.json: expected public keys: a JWK Set, a JWK, or one key in PEM.'],
  ['--jwks-file empty.json', 'jwks.keys: expected at least one key'],
  ['--jwks-file nowhere.json', '--jwks-file: the file nowhere.json cannot be read.'],
  ['--network none', 'Expected --network any'],
  ['--jwks-file set.json --no-jwks', 'one of them, not both'],
  ['--jwks-uri http://a.example/jwks', 'jwks_uri: expected an https URL'],
  ['--auth-method none --auth-method private_key_jwt', '--auth-method none stands alone'],
  ['--auth-method password', 'token_endpoint_auth_methods[0]: expected one of client_secret_basic'],
  ['--grant implicit', 'grants[0]: expected "client_credentials"'],
  ['--token-ttl 5x', '--token-ttl: expected a duration'],
  ['--token-ttl 30d', 'access_token_ttl_seconds: expected a whole number of seconds from 60 to 86400'],
  ['--listener public', 'Allowed choices are any, internal'],
  ['--jwks-file set.json --file -', 'one of them, not both'],
])('client update canister %s is a mistake, and nothing is sent', async (options, says) => {
  const { code, out, err } = await api.run(`client update canister ${options}`, { files })
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(says)
  expect(err).not.toContain(String(privateKey.export({ format: 'jwk' }).d))
  expect(api.sent).toEqual([])
})

test('client show says how the client authenticates, by which keys, and what its tokens are for', async () => {
  const signing = {
    ...client,
    ...{ token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [jwk, bare] } },
    ...{ default_resource: 'webdav', access_token_ttl_seconds: 300, listener: 'internal', networks: ['10.0.0.0/8'] },
  }
  api.answer('GET /clients/canister', ok(signing))
  for (const list of ['/clients/canister/keys', '/clients/canister/secrets']) {
    api.answer(`GET ${list}?limit=200`, ok(page()))
  }
  for (const holder of ['client=canister', 'group=media'])
    api.answer(`GET /permissions?${holder}&limit=200`, ok(page()))
  const { out } = await api.run('client show canister')
  for (const line of [
    /authenticates by +private_key_jwt\n/,
    /own keys +one {2}ES256\n +without kid {2}EC P-256\n/,
    /default resource +webdav\n/,
    /access tokens +5 minutes\n/,
    /listener +internal\n/,
    /secrets +none\n/,
  ]) {
    expect(out).toMatch(line)
  }
  api.answer('GET /clients/canister', ok({ ...client, jwks_uri: 'https://a.example/jwks' }))
  expect((await api.run('client show canister')).out).toMatch(/own keys +https:\/\/a\.example\/jwks\n/)
})
