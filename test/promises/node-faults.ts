// P3: every fault of several servers, again and again, and a minute of lagging links each time.
import { Teardown } from '../support/teardown.ts'
import { DATABASE_FAULTS } from './database-faults.ts'
import { laggingLinks } from './lagging-links.ts'
import { LINK_FAULTS } from './link-faults.ts'
import { killedAtCommit } from './node-deaths.ts'
import type { Outcome, Progress } from './outcome.ts'
import { type Fault, Scene } from './scene.ts'

const LAGGING_SECONDS = 60

const FAULTS: Readonly<Record<string, Fault>> = {
  ...LINK_FAULTS,
  ...DATABASE_FAULTS,
  killedAtCommit,
  laggingLinks: laggingLinks(LAGGING_SECONDS),
}

export async function tryNodeFaults(rounds: number, progress: Progress = () => undefined): Promise<Outcome> {
  const teardown = new Teardown()
  try {
    const scene = await Scene.set(teardown)
    let done = 0
    for (let round = 0; round < rounds; round++) {
      for (const [name, fault] of Object.entries(FAULTS)) {
        await fault(scene).catch((error: unknown) => scene.violations.add(`${name} could not be played: ${error}`))
        progress(++done, scene.violations.count)
      }
    }
    return { trials: scene.trials, violations: scene.violations.list(), notes: scene.notes }
  } finally {
    await teardown.run()
  }
}
