import { expect, test } from 'bun:test'
import { isAlias, isCredentialHeader } from './header-names.ts'
import { description, displayName, isReservedName, isScope, isScopePattern, project } from './names.ts'
import { network } from './network.ts'

test.each([
  ['files:read', true],
  ['account:usage:read', true],
  ['read', false],
  [':read', false],
  ['files:', false],
  ['any:read', false],
  ['company:read', true],
  ['Files:read', false],
  ['files:*', false],
  [`${'a'.repeat(124)}:read`, false],
])('%s as a scope: %p', (text, expected) => {
  expect(isScope(text)).toBe(expected)
})

test.each([
  ['files:read', true],
  ['*:read', true],
  ['pushes:*', true],
  ['account:usage:*', true],
  ['account:*:read', false],
  ['*:usage:read', false],
  ['*:*', false],
  ['*', false],
  ['**:read', false],
  ['any:*', false],
])('%s as a pattern of scopes: %p', (text, expected) => {
  expect(isScopePattern(text)).toBe(expected)
})

test.each([
  [`cs_key_${'a'.repeat(49)}`, false],
  [`the new one:cs_secret_${'Z9'.repeat(22)}`, false],
  ['eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', false],
  ['ends in cs_key_…x7Qz', true],
  ['cs_key_rotation_of_the_archive_in_November_2030', true],
  ['eyeglasses.eyewear.example', true],
  ['Bearer of good news', true],
])('%s as a name and as a description: %p', (text, expected) => {
  expect([displayName(), description()].map((schema) => schema.safeParse(text).success)).toEqual([expected, expected])
})

test('what could be taken for Countersign or a built-in group is reserved', () => {
  const reserved = ['countersign', 'countersign-2', 'bootstrap', 'anonymous', 'users', 'clients', 'workloads', 'none']
  expect(reserved.filter(isReservedName)).toEqual(reserved)
  expect(['user', 'media', 'my-countersign'].filter(isReservedName)).toEqual([])
})

test.each([
  ['a', true],
  ['Team/App', true],
  ['größe', true],
  ['*', false],
  ['none', false],
  ['/a', false],
  ['a/', false],
  ['', false],
  ['a\nb', false],
])('%j as a project: %p', (text, expected) => {
  expect(project().safeParse(text).success).toBe(expected)
})

test.each([
  ['10.0.0.0/8', true],
  ['192.0.2.7/32', true],
  ['2001:db8::/32', true],
  ['10.0.0.0', false],
  ['10.0.0.0/33', false],
  ['10.0.0.0/8,192.0.2.0/24', false],
  ['localhost', false],
])('%s as a network: %p', (text, expected) => {
  expect(network().safeParse(text).success).toBe(expected)
})

test('a credential header is one that no proxy, browser or upstream speaks with already', () => {
  const free = ['X-Countersign-Key', 'X-Access-Key', 'Canister-Key', 'X-Own', 'X-Webdav', 'Token', 'App-Authorization']
  expect(free.filter((header) => !isCredentialHeader(header))).toEqual([])
  const taken = ['authorization', 'X-API-Key', 'Cookie', 'Host', 'X-Forwarded-For', 'X-Original-URL', 'x-real-ip']
  const odd = ['Remote-User', 'Countersign-Assertion', 'Connection', 'a b', 'X_Key', '', 'X-Key:']
  const obeyed = ['Expect', 'Range', 'If-Match', 'Content-MD5', 'Content-Encoding', 'Accept-Language', 'Accept']
  const hops = ['Transfer-Encoding', 'TE', 'Upgrade', 'Proxy-Authorization', 'Forwarded', 'Max-Forwards', 'Via', 'Date']
  const tricks = ['X-HTTP-Method-Override', 'X-Method-Override', 'X-Rewrite-URL', 'X-Accel-Redirect', 'X-Sendfile']
  const others = ['X-Forwarded', 'X-Requested-With', 'Sec-WebSocket-Key', 'Destination', 'Depth', 'Monkey', 'Keyed']
  expect([...taken, ...odd, ...obeyed, ...hops, ...tricks, ...others].filter(isCredentialHeader)).toEqual([])
})

test('an alias is of a family that says who somebody is', () => {
  const authelia = ['Remote-Login', 'X-Remote-User', 'X-Remote-Groups']
  const authentik = ['X-authentik-username', 'X-authentik-groups', 'X-authentik-email', 'X-authentik-uid']
  const forwarded = ['X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username']
  const oauth2Proxy = ['X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Preferred-Username', ...forwarded]
  const others = ['X-WebAuth-User', 'X-Token-Subject', 'X-User', 'X-User-Email', 'X-Auth-User', 'X-Auth-Token', 'X-Who']
  const names = [...authelia, ...authentik, ...oauth2Proxy, ...others]
  expect(names.filter((name) => !isAlias(name))).toEqual([])
})

test('an alias is no header that means something else', () => {
  const obeyed = ['X-Accel-Redirect', 'X-Sendfile', 'X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override']
  const places = [
    'X-Rewrite-URL',
    'X-Original-URL',
    'X-Original-Method',
    'X-Forwarded',
    'X-Forwarded-For',
    'Remote-Addr',
  ]
  const proxied = ['X-Forwarded-Host', 'X-Forwarded-Uri', 'X-Forwarded-Access-Token', 'X-Client-IP', 'X-Envoy-Peer']
  const browsers = ['X-Frame-Options', 'X-Content-Type-Options', 'X-XSS-Protection', 'X-Requested-With', 'X-User-Agent']
  const secrets = ['X-Auth-Key', 'X-Auth-Request-Access-Token', 'X-Remote-Secret', 'X-Whatever']
  expect([...obeyed, ...places, ...proxied, ...browsers, ...secrets].filter(isAlias)).toEqual([])
  const refused = ['Remote-User', 'REMOTE-USER', 'X-Real-IP', 'X-Api-Key', 'User', 'X-', 'X_User', 'X-A b']
  expect(refused.filter(isAlias)).toEqual([])
})
