import { join } from 'node:path'
import type { Place } from './engines.ts'

export type Ended = { readonly exitCode: number; readonly out: string; readonly err: string }

/** Opens the store of this place in a process of its own, and does some work with it there. */
export async function runBeside(place: Place, program: string): Promise<Ended> {
  const text = `
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, '../open.ts'))})
    const { change, HOST_ACTOR } = await import(${JSON.stringify(join(import.meta.dir, '../store.ts'))})
    const random = (length) => crypto.getRandomValues(new Uint8Array(length))
    const place = ${JSON.stringify(place)}
    const store = await openStore(place.dataDir, () => new Date(), random, place.databaseUrl)
    ${program}
    await store.close()`
  const child = Bun.spawn([process.execPath, '-e', text], { stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, out, err }
}
