import type { Node } from '@countersign/admin-api'
import { moment } from './moment.ts'
import { all, type OnlineSession } from './session.ts'

const ASK_AGAIN_MS = 50
/** Our clock begins when the answer is here, and the lease of a node that did not hear of it before. */
const MARGIN_SECONDS = 1

/**
 * Waits until no server counts without what was changed here: each has said that it has followed so far, or can no
 * longer answer from what it knew before. The latter is so after the longest lease, whatever happens.
 *
 * To be called before the change: whoever may not see the servers is told so while nothing is changed.
 */
export async function watchEverywhere(session: OnlineSession): Promise<() => Promise<void>> {
  const { api, hint, terminal } = session
  await api.nodes()
  return async () => {
    const startedMs = performance.now()
    const revision = session.changedAt()
    if (revision === undefined)
      throw new Error('the server does not say which change that was: is it an older version?')
    for (;;) {
      const items = await all(api.nodes)
      const seconds = (performance.now() - startedMs) / 1000
      const waitedFor = items.filter((node) => node.revision < revision)
      if (waitedFor.every((node) => seconds >= node.lease_seconds + MARGIN_SECONDS)) {
        hint(verdict(items, waitedFor, seconds, terminal.now()))
        return
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
    }
  }
}

function verdict(nodes: readonly Node[], silent: readonly Node[], seconds: number, now: Date): string {
  const after = `after ${seconds.toFixed(1)} s`
  const known = nodes.length - silent.length
  if (silent.length === 0) return `In force at every server (${known} of ${known}), ${after}.`
  const lines = silent.map(
    ({ name, seen_at, lease_seconds }) =>
      `  ${name} has said nothing since ${moment(seen_at, now)}. What it knew it may use for ${lease_seconds} s, and they are over.`,
  )
  return [
    `In force at ${known} of ${nodes.length} servers, ${after}, and the others answer nothing without it:`,
    ...lines,
  ].join('\n')
}
