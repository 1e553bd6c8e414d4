// A process of its own: composes the app on a data directory and says, as JSON, what that took.
import { composeOn } from './in-process.ts'

export const START = import.meta.path

export type Started = { readonly seconds: number; readonly mebibytes: number }

if (import.meta.main) {
  const before = performance.now()
  const app = await composeOn(process.argv[2] ?? '')
  const seconds = (performance.now() - before) / 1000
  Bun.gc(true)
  const started: Started = { seconds, mebibytes: process.memoryUsage.rss() / 1024 / 1024 }
  process.stdout.write(JSON.stringify(started))
  await app.close()
}
