import { afterAll, beforeAll, expect, test } from 'bun:test'
import { IDENTITY_HEADERS } from '@countersign/admin-api'
import { guideBlock } from '../support/guide.ts'
import { startHaproxy, startHaproxyWith } from '../support/haproxy.ts'
import { accessCases } from '../support/proxied/access.ts'
import { gitCases } from '../support/proxied/git.ts'
import { bearer, type Traits } from '../support/proxied/identity.ts'
import { outageCases } from '../support/proxied/outage.ts'
import { webdavPrograms } from '../support/proxied/programs.ts'
import { type Dialect, questionCases } from '../support/proxied/question.ts'
import { secretCases } from '../support/proxied/secret.ts'
import { spoofingCases } from '../support/proxied/spoofing.ts'
import { targetCases, webSocketCases } from '../support/proxied/targets.ts'
import type { StartProxy } from '../support/proxy.ts'
import { rawRequest } from '../support/raw-http.ts'
import { describeWith } from '../support/requires.ts'
import { openGitStage, openWebdavStage, type Stage } from '../support/stage.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const TRAITS: Traits = { malformed: 400, unavailable: { cannotTell: 503, unreachable: 503 } }

const DIALECT: Dialect = {
  path: '/verify/forward',
  told: ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-uri'],
  refusesTwoHosts: true,
  read(headers) {
    const [proto, host, uri] = ['proto', 'host', 'uri'].map((part) => headers.get(`x-forwarded-${part}`))
    return [headers.get('x-forwarded-method'), `${proto}://${host}${uri}`, headers.get('x-forwarded-for')]
  },
}

describeWith(['haproxy', 'rclone', 'curl'], 'WebDAV behind HAProxy', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openWebdavStage(startHaproxy)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  accessCases(() => stage, TRAITS)
  spoofingCases(() => stage, { 'identity headers that nobody has thought of yet': ['Remote-Tenant: other'] })
  targetCases(() => stage)
  webSocketCases(() => stage)
  webdavPrograms(() => stage)
})

describeWith(['haproxy', 'git'], 'git behind HAProxy', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openGitStage(startHaproxy)
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)

  gitCases(() => stage)
})

describeWith(['haproxy'], 'HAProxy without an answer', () => outageCases(startHaproxy, TRAITS))

describeWith(['haproxy'], 'what HAProxy asks Countersign', () => questionCases(startHaproxy, DIALECT))

describeWith(['haproxy', 'rclone'], 'HAProxy that Countersign knows by a secret', () => secretCases(startHaproxy))

describeWith(['haproxy'], 'an upload that comes at once with its headers', () => {
  const uploadThrough = async (startProxy: StartProxy) => {
    const stage = await openWebdavStage(startProxy)
    try {
      const { secret } = await stage.newKey()
      const body = 'x'.repeat(60_000)
      const lines = [`PUT /big.txt HTTP/1.1`, `Host: ${stage.host}`, `Authorization: Bearer ${secret}`]
      const { status } = await rawRequest(stage.port, [...lines, `Content-Length: ${body.length}`], body)
      const received = stage.recorder.take()
      return { status, told: received.map(({ headers }) => IDENTITY_HEADERS.every((name) => headers.has(name))) }
    } finally {
      await stage.close()
    }
  }

  test(
    'reaches the service with every identity header',
    async () => {
      expect(await uploadThrough(startHaproxy)).toEqual({ status: 201, told: [true] })
    },
    PATIENCE_MS,
  )

  test(
    'is refused where HAProxy has no room for them, and never passes with some',
    async () => {
      const cramped = guideBlock('haproxy.md', 'haproxy.cfg').replaceAll(/^ *tune\..*\n/gm, '')
      expect(await uploadThrough((addresses) => startHaproxyWith(cramped, addresses))).toEqual({
        status: 503,
        told: [],
      })
    },
    PATIENCE_MS,
  )
})

describeWith(['haproxy'], 'HAProxy with a script that fails', () => {
  test(
    'lets nothing pass',
    async () => {
      const site = guideBlock('haproxy.md', 'haproxy.cfg').replace(
        'lua.countersign 127.0.0.1:8420',
        'lua.countersign nowhere',
      )
      const stage = await openWebdavStage((addresses) => startHaproxyWith(site, addresses))
      try {
        const answer = await fetch(stage.url, { headers: bearer(await stage.newKey()) })
        expect([answer.status, stage.recorder.take()]).toEqual([503, []])
      } finally {
        await stage.close()
      }
    },
    PATIENCE_MS,
  )
})

describeWith(['haproxy'], 'further names of identity headers, as the guide for HAProxy has them', () => {
  test(
    'reach the service, and what a client sends under them does not',
    async () => {
      const site = guideBlock('haproxy.md', 'haproxy.cfg')
      const named = site.replace('global\n', () => `global\n${guideBlock('haproxy.md', 'further-headers')}`)
      const stage = await openWebdavStage((addresses) => startHaproxyWith(named, addresses))
      try {
        const headers = { 'X-Remote-User': 'Remote-User' }
        await stage.server.call('PATCH', '/resources/webdav', { headers })
        const spoof = { 'x-remote-user': 'admin', 'x-auth-request-user': 'admin' }
        const key = await stage.newKey()
        await fetch(stage.url, { method: 'PROPFIND', headers: { ...bearer(key), ...spoof } })
        const [received] = stage.recorder.take()
        const told = ['x-remote-user', 'x-auth-request-user'].map((name) => received?.headers.get(name))
        expect(told).toEqual(['client:canister', null])
      } finally {
        await stage.close()
      }
    },
    PATIENCE_MS,
  )
})
