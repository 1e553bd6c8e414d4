import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What has to be undone at the end, last first. Every step runs, even after one that failed. */
export class Teardown {
  readonly #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  /** A new directory that is removed at the end. */
  async temporaryDirectory(purpose: string): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), `countersign-${purpose}-`))
    this.add(() => rm(path, { recursive: true, force: true }))
    return path
  }

  async run(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'could not clean up')
  }
}
