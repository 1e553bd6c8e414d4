import { beforeAll, beforeEach, expect, test } from 'bun:test'
import { rawRequest } from '../raw-http.ts'
import type { Key, Stage } from '../stage.ts'
import { bearer, headersOf, identityOf } from './identity.ts'

const HONEST: readonly string[] = []

type Spoofs = Readonly<Record<string, readonly string[]>>

/** Header lines that must make no difference at all to what the service receives. */
export const SPOOFS: Spoofs = {
  'identity headers': ['Remote-User: admin', 'Remote-Groups: admins', 'Remote-Roles: admin', 'Remote-Scopes: *:*'],
  'identity headers in odd cases': ['reMOTE-uSER: admin', 'REMOTE-GROUPS: admins', 'remote-email: root@localhost'],
  'identity headers twice': ['Remote-User: admin', 'Remote-User: root'],
  'an empty identity header': ['Remote-User:'],
  'the rest of the identity headers': [
    ...['Remote-Name: Admin', 'Remote-Principal: user', 'Remote-Client: other', 'Remote-Project: secret'],
    ...['Remote-Credential: key_0', 'Countersign-Expires: never', 'Countersign-Assertion: forged.forged.forged'],
  ],
  'underscores for hyphens': ['Remote_User: admin', 'REMOTE_GROUPS: admins', 'Countersign_Assertion: forged'],
  'underscores and hyphens mixed': ['X_Forwarded-For: 10.9.9.9', 'X-Forwarded_Host: evil.test', 'X_Real_IP: 10.9.9.9'],
  'dots for hyphens': ['Remote.User: admin', 'Remote.Groups: admins'],
  'Connection naming an identity header': ['Connection: Remote-User, Remote-Groups, Countersign-Assertion'],
  'Connection naming the credential': ['Connection: close, Authorization'],
  'Connection naming what the proxy adds': [
    'Connection: keep-alive, X-Forwarded-Host, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-For, X-Real-IP',
  ],
  'two Connection headers': ['Connection: keep-alive', 'Connection: remote-user,authorization'],
  'Connection with an upgrade that is none': ['Connection: Upgrade, Remote-User', 'Upgrade: h2c'],
  'forwarding headers': [
    ...['X-Forwarded-Method: OPTIONS', 'X-Forwarded-Uri: /public', 'X-Forwarded-Host: evil.test'],
    ...['X-Forwarded-Proto: javascript', 'X-Forwarded-For: 10.9.9.9', 'X-Forwarded-Port: 1'],
    ...['X-Forwarded-Prefix: /admin', 'X-Forwarded-Server: evil.test', 'X-Forwarded-User: admin'],
    ...['Forwarded: for=10.9.9.9;host=evil.test;proto=http'],
  ],
  'the address of the caller': ['X-Real-IP: 10.9.9.9'],
  'what was originally asked': [
    ...['X-Original-URL: http://evil.test/public', 'X-Original-URI: /public', 'X-Original-Method: OPTIONS'],
    ...['X-Original-Host: evil.test'],
  ],
  'another path or another way out': [
    'X-Rewrite-URL: /secret',
    'X-Forwarded-Path: /secret',
    'Proxy: http://127.0.0.1:1',
  ],
  'another method': ['X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'],
  'words of the proxy': ['Countersign-Proxy-Secret: guess', 'Countersign-Decision: dec_0'],
}

/** Nothing that a client writes changes what the service is told, or what is decided on. */
export function spoofingCases(opened: () => Stage, more: Spoofs = {}): void {
  let stage: Stage
  let key: Key
  beforeAll(async () => {
    stage = opened()
    key = await stage.newKey()
    await fetch(`${stage.url}/open.txt`, { method: 'PUT', headers: bearer(key), body: 'open' })
  })
  beforeEach(() => void stage.recorder.take())

  const send = (method: string, shown: Key, lines: readonly string[]) =>
    rawRequest(stage.port, [
      `${method} /open.txt HTTP/1.1`,
      `Host: ${stage.host}`,
      `Authorization: Bearer ${shown.secret}`,
      ...lines,
    ])

  for (const [what, lines] of Object.entries({ ...SPOOFS, ...more })) {
    test(`${what} from a client make no difference to the service`, async () => {
      await send('GET', key, HONEST)
      const [honest] = stage.recorder.take()
      expect(headersOf(honest)).toMatchObject(identityOf(stage, key, 'files:read,files:write'))

      expect((await send('GET', key, lines)).status).toBe(200)
      const [spoofed] = stage.recorder.take()
      expect(headersOf(spoofed)).toEqual(headersOf(honest))
      expect(spoofed?.method).toBe('GET')
      expect(spoofed?.headers.get('countersign-assertion')).toMatch(/^(?!forged)[\w-]+\.[\w-]+\.[\w-]+$/)
    })
  }

  test('what is decided on is the real request, whatever the client says it is', async () => {
    const readOnly = await stage.newKey(['files:read'])
    const claims = ['X-Forwarded-Method: GET', 'X-Original-Method: GET', 'X-Forwarded-Uri: /', 'X-HTTP-Method: GET']
    expect((await send('DELETE', readOnly, claims)).status).toBe(403)
    expect(stage.recorder.take()).toEqual([])
  })

  test('claiming another address does not open a key that is bound to a network', async () => {
    const bound = await stage.newKey(undefined, ['10.9.9.0/24'])
    const claims = ['X-Forwarded-For: 10.9.9.9', 'X-Real-IP: 10.9.9.9', 'Forwarded: for=10.9.9.9']
    expect((await send('GET', bound, claims)).status).toBe(401)
    expect(stage.recorder.take()).toEqual([])
    const here = await stage.newKey(undefined, ['127.0.0.0/8'])
    expect((await send('GET', here, claims)).status).toBe(200)
  })

  test('two Authorization headers are refused, even when both are good', async () => {
    const answer = await send('GET', key, [`Authorization: Bearer ${(await stage.newKey()).secret}`])
    expect(answer.status).toBe(400)
    expect(stage.recorder.take()).toEqual([])
  })
}
