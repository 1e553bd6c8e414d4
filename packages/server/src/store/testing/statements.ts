// What is put to the database, on whichever engine: seen where the driver takes it, below everything of ours.
import { Database } from 'bun:sqlite'
import { spyOn } from 'bun:test'
import { Client } from 'pg'

/** The statements that `run` puts to the database. */
export async function statementsOf(run: () => unknown): Promise<string[]> {
  const seen: string[] = []
  const restore = onEachStatement((text) => void seen.push(text))
  try {
    await run()
  } finally {
    restore()
  }
  return seen
}

/** Calls `before` with each statement before it is run; one that throws keeps it from being run. */
export function onEachStatement(before: (text: string) => void): () => void {
  const { query: embedded } = Database.prototype
  const { query: remote } = Client.prototype
  const spies = [
    spyOn(Database.prototype, 'query').mockImplementation(function (this: Database, sql: string) {
      before(sql)
      return embedded.call(this, sql)
    } as typeof embedded),
    spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...sent: unknown[]) {
      const [first] = sent
      before(typeof first === 'string' ? first : String((first as { text?: unknown }).text))
      return (remote as (...sent: unknown[]) => unknown).apply(this, sent)
    } as unknown as typeof remote),
  ]
  return () => {
    for (const spy of spies) spy.mockRestore()
  }
}
