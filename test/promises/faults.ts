// P5: no exception, bad row, bad configuration or outage is answered with 2xx; and P3 as far as one node has it.
import { existsSync } from 'node:fs'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { MAIN } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import type { Answered, Connection } from './connection.ts'
import { BOOTSTRAP_KEY, type Furnished, furnish, HOST, type InProcess, startInProcess, tamper } from './in-process.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'

type Question = { readonly name: string; ask(connection: Connection): Promise<Answered> }
type Tally = { trials: number; readonly violations: Violations; readonly notes: string[]; readonly progress: Progress }

const IDENTITY = /\r\n(remote-[a-z]+|countersign-assertion): /i

/** A well formed key that nobody issued. */
const strangerKey = () => formatCredential('key', crypto.getRandomValues(new Uint8Array(32)))
const basic = (key: string) => `Basic ${Buffer.from(`anybody:${key}`).toString('base64')}`

const forward =
  (headers: Record<string, string>, uri = '/', method = 'GET') =>
  (connection: Connection) =>
    connection.request('GET', '/verify/forward', {
      'X-Forwarded-Method': method,
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': HOST,
      'X-Forwarded-Uri': uri,
      'X-Forwarded-For': '192.0.2.1, 127.0.0.2',
      ...headers,
    })
const nginx = (headers: Record<string, string>) => (connection: Connection) =>
  connection.request('GET', '/verify/nginx', {
    'X-Original-Method': 'GET',
    'X-Original-URL': `https://${HOST}/`,
    'X-Real-IP': '192.0.2.1',
    ...headers,
  })
const api = (key: string) => (connection: Connection) =>
  connection.request('GET', '/api/v1/me', { Authorization: `Bearer ${key}` })

/** One question for every way through the path; all but the stranger's are answered with 200 when nothing is wrong. */
function questionsOf({ key, spareKey }: Furnished): Question[] {
  return [
    { name: 'a known key', ask: forward({ Authorization: `Bearer ${key}` }) },
    { name: 'a known key at nginx', ask: nginx({ Authorization: `Bearer ${key}` }) },
    { name: 'a key as password', ask: forward({ Authorization: basic(key) }) },
    { name: 'a key as X-Api-Key', ask: forward({ 'X-Api-Key': key }) },
    { name: 'a key that was not asked with before', ask: forward({ Authorization: `Bearer ${spareKey}` }) },
    { name: 'a key that does not exist', ask: forward({ Authorization: `Bearer ${strangerKey()}` }) },
    {
      name: 'a move',
      ask: forward({ Authorization: `Bearer ${key}`, Destination: `https://${HOST}/b` }, '/a', 'MOVE'),
    },
    { name: 'nobody at a public path', ask: forward({}, '/public/x') },
    { name: 'the bootstrap key', ask: api(BOOTSTRAP_KEY) },
  ]
}

/** The same for access tokens, of one of which no row is kept that could be damaged. */
function tokenQuestionsOf({ jwt, opaqueToken }: Furnished): Question[] {
  const forged = `${jwt.slice(0, jwt.lastIndexOf('.') + 1)}${'A'.repeat(86)}`
  return [
    { name: 'a JWT of ours', ask: forward({ Authorization: `Bearer ${jwt}` }) },
    { name: 'an opaque token', ask: forward({ Authorization: `Bearer ${opaqueToken}` }) },
    { name: STRANGE_JWT, ask: forward({ Authorization: `Bearer ${forged}` }) },
  ]
}

const STRANGE_JWT = 'a JWT that we did not sign'

/** Checks what may never be: an answer of 2xx, or an identity beside any other. */
function judge(tally: Tally, what: string, { status, head }: Answered, most = 'a refusal'): void {
  tally.trials++
  if (status < 300) tally.violations.add(`${what}: ${status}, where ${most} was due`)
  else if (IDENTITY.test(head)) tally.violations.add(`${what}: ${status} with an identity`)
}

type Fault = { readonly path: string; readonly how: string; readonly broken: (...args: unknown[]) => unknown }

/** Every function that the path leans on, found by walking what the app is made of: a new one is found by itself. */
function functionsOf(root: object): { path: string; holder: object; name: string }[] {
  const found: { path: string; holder: object; name: string }[] = []
  const walk = (holder: object, path: string, depth: number) => {
    const prototype: unknown = Object.getPrototypeOf(holder)
    const isPlain = prototype === Object.prototype || prototype === null
    const inherited = isPlain ? [] : Object.getOwnPropertyNames(prototype)
    for (const name of new Set([...Object.getOwnPropertyNames(holder), ...inherited])) {
      if (name === 'constructor') continue
      const getter = isPlain ? undefined : Object.getOwnPropertyDescriptor(prototype, name)?.get
      const value: unknown = getter === undefined ? (holder as Record<string, unknown>)[name] : undefined
      const at = path === '' ? name : `${path}.${name}`
      if (typeof value === 'function' || getter !== undefined) found.push({ path: at, holder, name })
      else if (typeof value === 'object' && value !== null && depth > 0) walk(value, at, depth - 1)
    }
  }
  walk(root, '', 2)
  return found
}

const bug = () => {
  throw new TypeError('undefined is not a function')
}
/** Those that are declared to answer with a promise are broken by a rejected one, too. */
const ASYNCHRONOUS = new Set(['verify.confirm'])

/** Faults that cannot be waited for or seen by a caller: what is told beside the path. */
const BESIDE_THE_PATH = new Set(['onError', 'onUntrustedProxy'])

/** A throw at every dependency of the path, one after the other. */
async function throwEverywhere(tally: Tally): Promise<void> {
  const teardown = new Teardown()
  try {
    const furnished = await (await furnish(teardown))()
    const server = await startInProcess(furnished.dataDir)
    teardown.add(server.close)
    const questions = [...questionsOf(furnished), ...tokenQuestionsOf(furnished)]
    const sound: number[] = []
    for (const { ask } of questions) sound.push((await ask(server.connection)).status)
    const expected = questions.map(({ name }) =>
      name === 'a key that does not exist' || name === STRANGE_JWT ? 401 : 200,
    )
    if (sound.join() !== expected.join()) throw new Error(`with nothing broken: ${sound.join()}`)

    const reached = new Set<string>()
    for (const { path, holder, name } of functionsOf(server.app.edge)) {
      const faults: Fault[] = [{ path, how: 'throws', broken: bug }]
      if (ASYNCHRONOUS.has(path)) faults.push({ path, how: 'rejects', broken: async () => bug() })
      for (const fault of faults) await tryFault(server, questions, holder, name, fault, reached, tally)
    }
    await breakResolvers(server, furnished, tally)
    tally.notes.push(`${reached.size} functions of the path were broken and called: ${[...reached].sort().join(', ')}`)
    for (const path of MUST_BE_REACHED) if (!reached.has(path)) tally.violations.add(`${path} was never called`)
  } finally {
    await teardown.run()
  }
}

/** What the questions call for sure: were one missing, its faults would prove nothing. */
const MUST_BE_REACHED = [
  'clock',
  'decisions.noteAllowed',
  'decisions.noteDenied',
  'proxies.isTrusted',
  'proxies.refused',
  'verify.confirm',
  'verify.decide',
  'verify.directory.lineThrough',
  'verify.directory.owner',
  'verify.directory.permissionsOf',
  'verify.directory.resourceAt',
  'verify.directory.revision',
  'verify.identities.identityOf',
  'verify.isConfirmed',
  'verify.recognise',
]

async function tryFault(
  server: InProcess,
  questions: readonly Question[],
  holder: object,
  name: string,
  { path, how, broken }: Fault,
  reached: Set<string>,
  tally: Tally,
): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(holder, name)
  let calls = 0
  const replacement = (...args: unknown[]) => {
    calls++
    return broken(...args)
  }
  const isGetter = typeof (before?.value ?? (holder as Record<string, unknown>)[name]) !== 'function'
  const put = () =>
    Object.defineProperty(
      holder,
      name,
      isGetter ? { get: replacement, configurable: true } : { value: replacement, configurable: true, writable: true },
    )
  const restore = () => {
    if (before === undefined) Reflect.deleteProperty(holder, name)
    else Object.defineProperty(holder, name, before)
  }
  for (const question of questions) {
    // What was memoised for a revision would hide what it was computed from; what was confirmed, who confirms.
    server.advance(60_000)
    server.tamper('update revision set value = value + 1')
    if (path !== 'verify.confirm') await server.app.edge.verify.confirm()
    calls = 0
    put()
    let answer: Answered
    try {
      answer = await question.ask(server.connection)
    } finally {
      restore()
    }
    if (calls === 0 || BESIDE_THE_PATH.has(path)) continue
    reached.add(path)
    const what = `${path} ${how}, asked with ${question.name}`
    judge(tally, what, answer)
    const due = path === 'verify.confirm' ? [500, 503] : [500]
    if (!due.includes(answer.status)) tally.violations.add(`${what}: ${answer.status}, not ${due.join(' or ')}`)
    tally.progress(tally.trials, tally.violations.count)
  }
}

/** What a resolver may do wrong: it is chosen for each request, so it is no property that could be replaced above. */
async function breakResolvers(server: InProcess, furnished: Furnished, tally: Tally): Promise<void> {
  const { verify } = server.app.edge
  const { recognise } = verify
  const wrong: [how: string, resolve: () => unknown][] = [
    ['throws', bug],
    ['rejects', async () => bug()],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers nothing', () => undefined],
    ['answers nothing, late', async () => undefined],
    ['answers an empty object', () => ({})],
    ['answers yes', () => true],
  ]
  for (const [how, resolve] of wrong) {
    Object.defineProperty(verify, 'recognise', { value: () => resolve, configurable: true })
    for (const question of [...questionsOf(furnished), ...tokenQuestionsOf(furnished)]) {
      if (question.name === 'nobody at a public path') continue
      const answer = await question.ask(server.connection)
      judge(tally, `a resolver ${how}, asked with ${question.name}`, answer)
      if (answer.status !== 500) tally.violations.add(`a resolver ${how}: ${answer.status}, not 500`)
    }
  }
  Object.defineProperty(verify, 'recognise', { value: recognise, configurable: true })
}

const NO_LIST = ['', '{', 'null', '{}', '"files:read"', '0', '[1]', '[null]']
/** What somebody may find in a row after a disk, a restore or a hand has done its work, and must not believe. */
const DAMAGES: [table: string, column: string, values: (string | number | null)[]][] = [
  ['credential', 'resources', [...NO_LIST, '[]']],
  ['credential', 'scopes', [...NO_LIST, '[]']],
  ['credential', 'projects', [...NO_LIST, '[]']],
  ['credential', 'networks', [...NO_LIST, '[]', '["nowhere"]', '["192.0.2.0/33"]']],
  ['credential', 'ancestors', [...NO_LIST, '[]']],
  ['credential', 'kind', ['', 'root', 'KEY', 'bootstrap', null]],
  ['credential', 'owner_kind', ['', 'group', 'CLIENT', null]],
  ['credential', 'owner', [null]],
  ['credential', 'audience', ['', 'https://elsewhere.example.com']],
  ['client', 'body', ['', '{', 'null', '[]', '0', '{"grants":[],"networks":["nowhere"]}', null]],
  ['client', 'disabled', [1, 2, -1, 'x', null]],
  ['permission', 'scopes', [...NO_LIST, null]],
  ['permission', 'roles', [...NO_LIST, null]],
  ['permission', 'projects', [...NO_LIST, '[]']],
  ['permission', 'holder_kind', ['', 'GROUP', null]],
  ['permission', 'holder', [null]],
  ['permission', 'resource', [null]],
  ['resource', 'body', ['', '{', 'null', '[]', '{}', '{"rules":[{"path":"/**"}]}', '{"scopes":[],"rules":[{}]}', null]],
  ['resource', 'disabled', [1, 2, -1, 'x', null]],
  ['membership', 'member_kind', ['', 'CLIENT', null]],
  ['signing_key', 'public_jwk', ['', '{', 'null', null]],
  ['signing_key', 'private_sealed', ['', 'v1.', 'v2.x', null]],
  ['revision', 'value', ['x', null]],
  ['setting', 'value', ['', 'v1.', null]],
]
/** These are read once, at the start. */
const READ_AT_THE_START = new Set(['signing_key', 'setting'])

/** Bad rows: found at the start, and found while the server runs. Not thorough: two ways to damage each column. */
async function damageRows(tally: Tally, thorough: boolean): Promise<void> {
  const teardown = new Teardown()
  try {
    const copy = await furnish(teardown)
    for (const [table, column, values] of DAMAGES) {
      for (const value of thorough ? values : [values[0] ?? '', values.at(-1) ?? null]) {
        const what = `${table}.${column} = ${value === null ? 'NULL' : JSON.stringify(value)}`
        await startDamaged(await copy(), table, column, value, what, tally)
        if (!READ_AT_THE_START.has(table)) await damageRunning(await copy(), table, column, value, what, tally)
        tally.progress(tally.trials, tally.violations.count)
      }
    }
  } finally {
    await teardown.run()
  }
}

function damage(dataDir: string, table: string, column: string, value: string | number | null): void {
  if (value === null) allowNulls(dataDir, table)
  const builtIn =
    table === 'client' ? "where id = 'canister'" : table === 'permission' ? "where resource = 'webdav'" : ''
  tamper(dataDir, `update "${table}" set "${column}" = ? ${builtIn}`, value)
}

/** Makes the table anew without its constraints. */
function allowNulls(dataDir: string, table: string): void {
  tamper(dataDir, `create table damaged as select * from "${table}"`)
  tamper(dataDir, `drop table "${table}"`)
  tamper(dataDir, `alter table damaged rename to "${table}"`)
}

async function startDamaged(
  furnished: Furnished,
  table: string,
  column: string,
  value: string | number | null,
  what: string,
  tally: Tally,
): Promise<void> {
  damage(furnished.dataDir, table, column, value)
  let server: InProcess
  try {
    server = await startInProcess(furnished.dataDir)
  } catch (error) {
    // A start that is refused answers nothing. It has to say why in words.
    tally.trials++
    const sentence = error instanceof Error ? error.message : ''
    if (sentence === '') tally.violations.add(`${what}, at the start: refused without a word`)
    return
  }
  if (READ_AT_THE_START.has(table)) tally.violations.add(`${what}: the start was not refused`)
  await askDamaged(server, furnished, `${what}, at the start`, tally)
  await server.close()
}

async function damageRunning(
  furnished: Furnished,
  table: string,
  column: string,
  value: string | number | null,
  what: string,
  tally: Tally,
): Promise<void> {
  const server = await startInProcess(furnished.dataDir)
  const warm = await forward({ Authorization: `Bearer ${furnished.key}` })(server.connection)
  if (warm.status !== 200) throw new Error(`${what}: ${warm.status} before the damage`)
  damage(server.dataDir, table, column, value)
  if (table !== 'revision') {
    server.tamper('update revision set value = value + 1')
    // An empty log makes a node read everything again, whatever was damaged.
    server.tamper('delete from change')
  }
  server.advance(60_000)
  await askDamaged(server, furnished, `${what}, while it runs`, tally)
  await server.close()
}

async function askDamaged(server: InProcess, furnished: Furnished, what: string, tally: Tally): Promise<void> {
  // Of a JWT no row is kept.
  const [, opaque] = tokenQuestionsOf(furnished)
  for (const question of [...questionsOf(furnished), ...(opaque === undefined ? [] : [opaque])]) {
    // These two do not depend on the damaged row.
    if (question.name === 'nobody at a public path' || question.name === 'the bootstrap key') continue
    judge(tally, `${what}, asked with ${question.name}`, await question.ask(server.connection))
  }
}

/** P3: what is known may be used for five seconds; then the database is asked, and if it cannot be, nothing passes. */
async function loseTheDatabase(tally: Tally): Promise<void> {
  const teardown = new Teardown()
  try {
    const furnished = await (await furnish(teardown))()
    const server = await startInProcess(furnished.dataDir)
    const known = forward({ Authorization: `Bearer ${furnished.key}` })
    const fresh = forward({ Authorization: `Bearer ${furnished.spareKey}` })
    const expectStatus = async (what: string, status: number, ask: Question['ask']) => {
      const answer = await ask(server.connection)
      tally.trials++
      if (answer.status !== status) tally.violations.add(`${what}: ${answer.status}, not ${status}`)
      if (answer.status !== 200 && IDENTITY.test(answer.head)) tally.violations.add(`${what}: with an identity`)
    }
    await expectStatus('a key', 200, known)
    for (const table of ['revision', 'credential']) {
      server.tamper(`alter table "${table}" rename to gone`)
      await expectStatus(`without ${table}, a known key within five seconds`, 200, known)
      if (table === 'revision')
        await expectStatus('without revision, a stranger', 503, forward({ Authorization: `Bearer ${strangerKey()}` }))
      if (table === 'credential') await expectStatus('without credential, a key to look up', 503, fresh)
      server.advance(5000)
      if (table === 'revision') {
        await expectStatus('without revision, a known key after five seconds', 503, known)
        await expectStatus('without revision, the management API after five seconds', 503, api(BOOTSTRAP_KEY))
        await expectStatus(
          'without revision, nobody at a public path after five seconds',
          503,
          forward({}, '/public/x'),
        )
        await expectStatus('without revision, not ready after five seconds', 503, (connection) =>
          connection.request('GET', '/readyz', {}),
        )
      }
      server.tamper(`alter table gone rename to "${table}"`)
      await expectStatus(`with ${table} back, a known key`, 200, known)
    }
    await expectStatus('with all back, a key to look up', 200, fresh)

    await expectStatus('before the database is closed, a key', 200, known)
    await server.app.close()
    await expectStatus(
      'with the database closed, a stranger',
      503,
      forward({ Authorization: `Bearer ${strangerKey()}` }),
    )
    await expectStatus('with the database closed, a write', 503, (connection) =>
      connection.request(
        'POST',
        '/api/v1/groups',
        { Authorization: `Bearer ${BOOTSTRAP_KEY}`, 'Content-Type': 'application/json' },
        '{"name":"x"}',
      ),
    )
    server.advance(5000)
    await expectStatus('with the database closed, a known key after five seconds', 503, known)
    await expectStatus('with the database closed, the management API', 503, api(BOOTSTRAP_KEY))
    await server.close().catch(() => undefined)
  } finally {
    await teardown.run()
  }
}

/** What must not start: it ends with a clear sentence, no stack and no secret, and listens nowhere. */
async function refuseToStart(tally: Tally): Promise<void> {
  const teardown = new Teardown()
  try {
    const copy = await furnish(teardown)
    const kek = Buffer.alloc(32, 9).toString('base64')
    const cases: [
      what: string,
      exitCode: number,
      says: RegExp[],
      env: Record<string, string>,
      prepare?: (dataDir: string) => Promise<unknown>,
    ][] = [
      ['another kek', 1, [/key-encryption key/], { COUNTERSIGN_KEK: kek }],
      [
        'another kek file',
        1,
        [/key-encryption key/, /restore the file kek/],
        {},
        (dir) => writeFile(join(dir, 'kek'), kek),
      ],
      ['a kek file that is cut off', 1, [/kek does not hold 32 bytes/], {}, (dir) => truncate(join(dir, 'kek'), 10)],
      ['an empty kek file', 1, [/kek does not hold 32 bytes/], {}, (dir) => truncate(join(dir, 'kek'), 0)],
      [
        'a database of a later version',
        1,
        [/migration/i],
        {},
        async (dir) => tamper(dir, `insert into kysely_migration values ('9999_later', '2040')`),
      ],
      [
        'a database that is none',
        1,
        [/not a database/],
        {},
        (dir) => writeFile(join(dir, 'countersign.db'), 'x'.repeat(8192)),
      ],
      [
        'several wrong options',
        78,
        [/COUNTERSIGN_LISTEN:/, /COUNTERSIGN_LISTENS:/, /COUNTERSIGN_PROXY_SECRET:/, /COUNTERSIGN_LOG_LEVEL:/],
        {
          COUNTERSIGN_LISTEN: 'x',
          COUNTERSIGN_LISTENS: 'x',
          COUNTERSIGN_PROXY_SECRET: '',
          COUNTERSIGN_LOG_LEVEL: 'loud',
        },
      ],
      ['an empty bootstrap key', 78, [/COUNTERSIGN_BOOTSTRAP_KEY:/], { COUNTERSIGN_BOOTSTRAP_KEY: '' }],
      [
        'a public URL without a guard',
        78,
        [/COUNTERSIGN_INTERNAL_LISTEN/, /COUNTERSIGN_PROXY_SECRET/],
        { COUNTERSIGN_PUBLIC_URL: 'https://auth.example.com' },
      ],
    ]
    for (const [what, exitCode, says, env, prepare] of cases) {
      const { dataDir } = await copy()
      await prepare?.(dataDir)
      const ended = await run([process.execPath, MAIN, 'serve'], {
        cwd: ROOT,
        env: {
          HOME: dataDir,
          COUNTERSIGN_DATA_DIR: dataDir,
          COUNTERSIGN_LISTEN: `127.0.0.1:${freePort()}`,
          COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
          ...env,
        },
      })
      tally.trials++
      const said = `${ended.stdout}${ended.stderr}`
      const missing = says.filter((pattern) => !pattern.test(said))
      if (ended.exitCode !== exitCode)
        tally.violations.add(`${what}: ended with ${ended.exitCode}, not ${exitCode}: ${said}`)
      if (missing.length > 0) tally.violations.add(`${what}: does not say ${missing.join(', ')} but: ${said}`)
      if (/\n\s+at .+:\d+/.test(said)) tally.violations.add(`${what}: shows a stack: ${said}`)
      if (said.includes(BOOTSTRAP_KEY) || said.includes(kek)) tally.violations.add(`${what}: shows a secret`)
      if (existsSync(join(dataDir, 'admin-key'))) tally.violations.add(`${what}: made an admin key`)
      tally.progress(tally.trials, tally.violations.count)
    }
  } finally {
    await teardown.run()
  }
}

export const FAULTS = { throwEverywhere, damageRows, loseTheDatabase, refuseToStart }

/** Runs some kinds of faults, or all of them. */
export async function tryFaults(
  kinds: readonly (keyof typeof FAULTS)[],
  thorough: boolean,
  progress: Progress = () => undefined,
): Promise<Outcome> {
  const tally: Tally = { trials: 0, violations: new Violations(), notes: [], progress }
  for (const kind of kinds) await FAULTS[kind](tally, thorough)
  return { trials: tally.trials, violations: tally.violations.list(), notes: tally.notes }
}
