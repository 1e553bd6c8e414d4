// Ways to break what the path of a request leans on.
import { spyOn } from 'bun:test'
import { onEachStatement } from '../../packages/server/src/store/testing/statements.ts'
import type { TestApp } from '../support/app.ts'

/** Puts `broken` in the place of what is at `path` among the things that the edge was given. Returns the repair. */
export function breakAt({ app }: TestApp, path: string, broken: unknown): () => void {
  const steps = path.split('.')
  const name = steps.pop() ?? ''
  const holder = steps.reduce<object>((at, step) => Reflect.get(at, step), app.edge)
  const before = Object.getOwnPropertyDescriptor(holder, name)
  Object.defineProperty(holder, name, { value: broken, configurable: true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(holder, name)
    else Object.defineProperty(holder, name, before)
  }
}

/** While `run` runs, no statement reaches the database. */
export async function withoutStore(run: () => Promise<void>): Promise<void> {
  const restore = onEachStatement(() => {
    throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })
  })
  try {
    await run()
  } finally {
    restore()
  }
}

/** While `run` runs, this node's clock says that the database has confirmed nothing for a minute. */
export async function aMinuteLater(run: () => Promise<void>): Promise<void> {
  const { now } = performance
  const later = spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 60_000)
  try {
    await run()
  } finally {
    later.mockRestore()
  }
}
