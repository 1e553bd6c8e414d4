// A server whose power is cut, on the embedded database: at each step of a change, and right after its answer.
import { Database as SqliteFile } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { type Program, startProgram } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)

/** Of the steps between two that are tried all are alike: another page of the same write. */
const MAX_CUTS = 8

type Scene = { readonly server: CountersignServer; readonly dataDir: string; readonly log: string }

async function start(dataDir: string): Promise<CountersignServer> {
  // Whatever the suite runs on: this is about SQLite's files.
  const server = await startCountersign(dataDir, { COUNTERSIGN_PUBLIC_URL: 'http://localhost:8420' })
  perTest.add(server.stop)
  return server
}

/** Has strace look at the server, and do with its system calls what `options` say. */
async function trace({ server, dataDir, log }: Scene, options: readonly string[]): Promise<Program> {
  const wal = join(dataDir, 'countersign.db-wal')
  const tracer = await startProgram({
    name: 'strace',
    command: [
      'strace',
      '-f',
      '-y',
      '-s',
      '16',
      '-o',
      log,
      '-p',
      String(server.pid),
      ...options.map((option) => option.replace('WAL', wal)),
    ],
    ready: () => tracerPid(server.pid) !== 0,
  })
  perTest.add(tracer.kill)
  return tracer
}

/** The system calls of the server while `work` runs, in their order. */
async function callsDuring(scene: Scene, options: readonly string[], work: () => Promise<unknown>): Promise<string[]> {
  const tracer = await trace(scene, options)
  await work()
  await tracer.stop()
  return readFileSync(scene.log, 'utf8').split('\n')
}

function tracerPid(pid: number): number {
  return Number(/^TracerPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

async function furnished(): Promise<Scene> {
  const dataDir = await perTest.temporaryDirectory('data')
  const server = await start(dataDir)
  await server.make('/clients', { id: 'canister' })
  return { server, dataDir, log: join(await perTest.temporaryDirectory('strace'), 'calls') }
}

/** What of a key's making is in the file: how many keys, and how many audit events that tell of one. */
function madeIn(dataDir: string): { readonly keys: number; readonly told: number } {
  const file = new SqliteFile(join(dataDir, 'countersign.db'))
  try {
    const count = (query: string) => (file.query(query).get() as { n: number }).n
    expect(file.query('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    return {
      keys: count(`select count(*) as n from credential where kind = 'key' and owner = 'canister'`),
      told: count(
        `select count(distinct noun_id) as n from audit_event where action = 'credential.create' and about = 'client:canister'`,
      ),
    }
  } finally {
    file.close()
  }
}

const WAL_WRITES = ['-P', 'WAL', '-e', 'trace=pwrite64,pwritev,fsync,fdatasync']
const cutAt = (call: number) => [
  ...WAL_WRITES,
  '-e',
  `inject=pwrite64,pwritev,fsync,fdatasync:signal=SIGKILL:when=${call}`,
]

describeWith(['strace'], 'a server whose power is cut', () => {
  test(
    'OPS-03 has every change on the disk before it says so, a revocation as any other',
    async () => {
      const scene = await furnished()
      const { id } = await scene.server.make('/clients/canister/keys', {})
      const all = ['-e', 'trace=pwrite64,pwritev,fsync,fdatasync,sendto,write,writev']
      const lines = await callsDuring(scene, all, async () => {
        expect((await scene.server.call('POST', `/credentials/${id}/revoke`, {})).status).toBe(200)
      })
      const places = (pattern: RegExp) => lines.flatMap((line, place) => (pattern.test(line) ? [place] : []))
      const [written, synced] = [
        places(/pwrite\w*\(.*countersign\.db-wal>/),
        places(/sync\(.*countersign\.db-wal>\)\s+= 0/),
      ]
      const [answered = -1] = places(/(sendto|writev?)\(\d+<socket.*"HTTP\/1\.1 200/)
      expect([written.length > 0, synced.length > 0, answered > 0]).toEqual([true, true, true])
      const lastWrite = Math.max(...written.filter((place) => place < answered))
      expect(synced.some((place) => place > lastWrite && place < answered)).toBe(true)
    },
    PATIENCE_MS,
  )

  test(
    'OPS-01 while it makes a key has made none or a whole one, and has shown none that is not there',
    async () => {
      let scene = await furnished()
      const make = () => scene.server.make('/clients/canister/keys', {})
      const lines = await callsDuring(scene, WAL_WRITES, make)
      const calls = lines.filter((line) => /^\d+ +(pwrite|f)/.test(line)).length
      expect(calls).toBeGreaterThan(3)
      const steps = Array.from({ length: MAX_CUTS }, (_, cut) => Math.round(1 + (cut * (calls - 1)) / (MAX_CUTS - 1)))
      let cut = 0
      for (const step of steps) {
        const { server, dataDir } = scene
        const before = madeIn(dataDir)
        const tracer = await trace(scene, cutAt(step))
        const answer = await server.call('POST', '/clients/canister/keys', {}).catch(() => undefined)
        const shown = answer?.status === 201 ? (answer.body as { key: string }).key : undefined
        cut += await ended(server)
        // One whose server has died may not hear that it is to end.
        await tracer.kill()
        const after = madeIn(dataDir)
        expect(after.keys).toBe(after.told)
        expect([before.keys + Number(shown !== undefined), before.keys + 1]).toContain(after.keys)
        scene = { ...scene, server: await start(dataDir) }
        if (shown === undefined) continue
        const { status } = await fetch(`${scene.server.url}/api/v1/me`, {
          headers: { authorization: `Bearer ${shown}` },
        })
        expect(status).toBe(403)
      }
      // What else the server writes now and then may take a turn.
      expect(cut).toBeGreaterThan(MAX_CUTS / 2)
    },
    PATIENCE_MS,
  )
})

/** Ends the server if the cut did not. 1: it did. */
async function ended(server: CountersignServer): Promise<number> {
  const isGone = () => {
    try {
      process.kill(server.pid, 0)
      return false
    } catch {
      return true
    }
  }
  const wasCut = await until('it to die', isGone, 500).catch(() => false)
  await server.kill()
  return Number(wasCut)
}
