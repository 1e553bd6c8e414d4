// A personal access token that is not believed, for whatever reason, is answered alike to the byte: status, headers and
// body, in both dialects and at the management API, wherever it was put. Only `why` knows the reason.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Answer } from './oracle.ts'
import { Stage } from './stage.ts'
import { altered, invented } from './vectors/credentials.ts'
import { basic, bearer, type Line } from './vectors/vector.ts'

/** Of decisions and of requests. */
const IDS = /dec_[0-9A-HJKMNP-TV-Z]{26}|req_[0-9A-HJKMNP-TV-Z]{26}-\d+/g
const REACH = { resources: ['countersign', 'webdav'] }

type Victim = { readonly user: string; readonly id: string; readonly token: string }
type Death = {
  readonly code: string
  /** Of the token, when it is made. */
  readonly made?: object
  /** What befalls it. A text is what is shown in place of the token. */
  readonly befalls: (stage: Stage, victim: Victim) => unknown
}

const revoke = (stage: Stage, id: string, body: object = {}) => stage.call('POST', `/credentials/${id}/revoke`, body)
const childOf = async (stage: Stage, { token }: Victim): Promise<string> => {
  const { status, body } = await stage.test.api('POST', '/api/v1/me/tokens', {}, token)
  expect(status).toBe(201)
  stage.oracle.keepSecret(String(body.token))
  return String(body.token)
}
const REVOKED = 'credential_revoked'

const DEATHS: Readonly<Record<string, Death>> = {
  'that never was': { code: 'credential_unknown', befalls: () => invented(1, 'pat') },
  'that is wrong in its first character': { code: 'credential_unknown', befalls: (_, { token }) => altered(token, 0) },
  'that is wrong in the middle': { code: 'credential_unknown', befalls: (_, { token }) => altered(token, 21) },
  'that is wrong in its last character': { code: 'credential_unknown', befalls: (_, { token }) => altered(token, 42) },
  'in the clothes of a key': {
    code: 'credential_unknown',
    befalls: (_, { token }) => token.replace('cs_pat_', 'cs_key_'),
  },
  'with a wrong checksum': {
    code: 'credential_mistyped',
    befalls: (_, { token }) => token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a'),
  },
  'that was revoked': { code: REVOKED, befalls: (stage, { id }) => revoke(stage, id, { reason: 'leaked' }) },
  'that was revoked by its owner': {
    code: REVOKED,
    async befalls(stage, { id, token }) {
      expect((await stage.test.api('POST', `/api/v1/me/tokens/${id}/revoke`, {}, token)).status).toBe(200)
    },
  },
  'that was revoked with all of its owner': {
    code: REVOKED,
    befalls: (stage, { user }) => stage.call('POST', `/users/${user}/revoke-credentials`, {}),
  },
  'that was revoked with all that its owner got before a date': {
    code: REVOKED,
    befalls: (stage, { user }) =>
      stage.call('POST', `/users/${user}/revoke-credentials`, { created_before: aDayLater(stage) }),
  },
  'that was revoked with its family': {
    code: REVOKED,
    async befalls(stage, { id }) {
      const { token } = await stage.make(`/credentials/${id}/rotate`, {})
      await revoke(stage, id, { family: true })
      return String(token)
    },
  },
  'whose parent was revoked': {
    code: REVOKED,
    async befalls(stage, victim) {
      const child = await childOf(stage, victim)
      await revoke(stage, victim.id)
      return child
    },
  },
  'whose parent’s parent was revoked': {
    code: REVOKED,
    async befalls(stage, victim) {
      const grandchild = await childOf(stage, { ...victim, token: await childOf(stage, victim) })
      await revoke(stage, victim.id)
      return grandchild
    },
  },
  'that has expired': {
    code: 'credential_expired',
    made: { expires_in_seconds: 3600 },
    befalls: ({ test }) => test.clock.advance(3_600_000),
  },
  'that was rotated and has no overlap left': {
    code: 'credential_expired',
    befalls: (stage, { id }) => stage.make(`/credentials/${id}/rotate`, { overlap_seconds: 0 }),
  },
  'that is not valid yet': {
    code: 'credential_not_yet_valid',
    made: { not_before: '2030-03-01T00:00:00Z' },
    befalls: () => undefined,
  },
  'that is used from elsewhere': {
    code: 'credential_network_refused',
    made: { networks: ['10.0.0.0/8'] },
    befalls: () => undefined,
  },
  'of a disabled user': {
    code: 'owner_disabled',
    befalls: (stage, { user }) => stage.call('PATCH', `/users/${user}`, { disabled: true }),
  },
  'of a deleted user': {
    code: 'owner_missing',
    befalls: (stage, { user }) => stage.call('DELETE', `/users/${user}`),
  },
  // The last: it goes through all the others.
  'that was revoked with its kind, for its age': {
    code: REVOKED,
    befalls: (stage) =>
      stage.call('POST', '/credentials/revoke-older', { kind: 'pat', created_before: aDayLater(stage) }),
  },
}

function aDayLater({ test }: Stage): string {
  return new Date(test.clock.now.getTime() + 86_400_000).toISOString()
}

const CARRIERS: Readonly<Record<string, (token: string) => Line>> = {
  Bearer: bearer,
  Basic: (token) => basic(`alice:${token}`),
  'X-Api-Key': (token) => ['X-Api-Key', token],
}
const PLACES: Readonly<Record<string, (stage: Stage, line: Line) => Promise<Answer>>> = {
  '/verify/forward': (stage, line) => stage.ask('forward', { lines: [line] }),
  '/verify/nginx': (stage, line) => stage.ask('nginx', { lines: [line] }),
  // A route that it could use, one that it could not, one that is not there: what is asked for makes no difference.
  'GET /me': (stage, line) => stage.send('GET', '/me', [line]),
  'POST /permissions': (stage, line) => stage.send('POST', '/permissions', [line], { user: 'alice', roles: ['admin'] }),
  'DELETE /users/nobody': (stage, line) => stage.send('DELETE', '/users/nobody', [line]),
}

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open({ COUNTERSIGN_PAT_BY_PAT: 'allow' })
})
afterAll(() => stage.close())

let users = 0
/** A user who may read webdav and look after their own tokens, and a token of theirs that can do both. */
async function newVictim(made: object = {}): Promise<Victim> {
  const user = `user-${users++}`
  await stage.make('/users', { username: user })
  await stage.make('/permissions', { user, resource: 'webdav', scopes: ['files:read'] })
  return { user, ...(await stage.newToken(user, { ...REACH, ...made })) }
}

const bytesOf = ({ status, headers, body }: Answer) =>
  JSON.stringify([status, [...headers], body]).replaceAll(IDS, 'id')

describe('a token', () => {
  for (const [what, { code, made, befalls }] of Object.entries(DEATHS)) {
    test(`OPQ-02 ${what} is answered like one that never was, and why says ${code}`, async () => {
      const victim = await newVictim(made)
      if (made === undefined) {
        // Known everywhere before it dies.
        for (const ask of Object.values(PLACES)) expect((await ask(stage, bearer(victim.token))).status).not.toBe(401)
      }
      const instead = await befalls(stage, victim)
      const shown = typeof instead === 'string' ? instead : victim.token
      stage.oracle.keepSecret(shown)
      for (const [place, ask] of Object.entries(PLACES)) {
        for (const [carrier, line] of Object.entries(CARRIERS)) {
          const unknown = await ask(stage, line(invented(2, 'pat')))
          const answer = await ask(stage, line(shown))
          expect([place, carrier, bytesOf(answer)]).toEqual([place, carrier, bytesOf(unknown)])
          expect(answer.status).toBe(401)
          stage.test.clock.advance(1000)
          const why = await stage.why(String(answer.headers.get('countersign-decision')))
          expect([place, carrier, why.code]).toEqual([place, carrier, code])
        }
      }
      stage.logsNoSecret()
    })
  }
})
