import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, type Page, UnreachableError } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { type PageOptions, present } from './options.ts'
import type { OnlineSession } from './session.ts'
import { type Column, growingTable } from './table.ts'

/** What happened at a time, and does not change any more. */
type Happened = { readonly id: string; readonly at: string }

export type FollowOptions = PageOptions & { readonly follow?: true }

/** What is followed. */
type Followed<Item> = {
  /** Newest first; what happened before `since`, if that is given, is not asked for. */
  list(part: { limit: number; cursor?: string; since?: string }): Promise<Page<Item>>
  /** What the API has no filter for. */
  fits?(item: Item): boolean
  /** Nothing from before then. */
  readonly since?: string | undefined
  readonly shape: readonly Column<Item>[]
}

const ASK_AGAIN_MS = 1000
const SHOWN_FIRST = 10
const PAGE = 200
/** A round that finds more than so many pages of news leaves the others out, and says so. */
const MOST_PAGES = 10
/** Servers write what they decided some seconds later, and not in the order of the events. */
const LATE_MS = 60_000

const STOPPED = Symbol('stopped')

export function followOption(command: Command): Command {
  return command.addOption(
    new Option('--follow', `the newest ${SHOWN_FIRST}, or --limit, and then whatever comes, until Ctrl+C`)
      .conflicts('all')
      .conflicts('cursor'),
  )
}

/** Prints the newest of a list, and then what comes, oldest first, until it is to stop. An outage is waited out. */
export async function follow<Item extends Happened>(
  { terminal, json, hint }: OnlineSession,
  { limit = SHOWN_FIRST }: FollowOptions,
  followed: Followed<Item>,
): Promise<void> {
  const rows = json ? (items: readonly Item[]) => items.map(jsonLine).join('') : growingTable(terminal, followed.shape)
  const news = new News(followed)
  let isAway = false
  const stopped = terminal.stopRequested().then((): typeof STOPPED => STOPPED)
  const first = await news.first(limit)
  terminal.out(rows(first))
  if (first.length === 0) hint('Nothing yet that fits. Ctrl+C ends this.')
  while ((await Promise.race([stopped, sleep(ASK_AGAIN_MS)])) !== STOPPED) {
    try {
      // Who reads has seen enough (`| head`).
      if ((await terminal.outFailure()) !== undefined) return
      const round = await Promise.race([stopped, news.next()])
      if (round === STOPPED) return
      if (isAway) hint('It answers again.')
      isAway = false
      if (!round.isWhole) hint('More came than are shown: filter, or see the list.')
      if (round.items.length > 0) terminal.out(rows(round.items))
    } catch (error) {
      if (!isOutage(error)) throw error
      if (!isAway) hint(`${error.message} It is asked again until it answers.`)
      isAway = true
    }
  }
}

/** What of a list was not there when it was last asked for. */
class News<Item extends Happened> {
  /** When what was already seen happened, by its id; what happened before `#fromMs` is no news, seen or not. */
  readonly #seen = new Map<string, number>()
  #fromMs: number

  constructor(private readonly followed: Followed<Item>) {
    this.#fromMs = followed.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(followed.since)
  }

  /** The newest `count`, oldest first. Looks back as far as something may still come late, so as to know it again. */
  async first(count: number): Promise<Item[]> {
    const { items } = await this.#read((found, seen) => found.length >= count && spanMs(seen) >= LATE_MS)
    return items.slice(-count)
  }

  /** What came since, oldest first; not whole: there was more. */
  next(): Promise<{ items: Item[]; isWhole: boolean }> {
    return this.#read(() => false)
  }

  async #read(
    isEnough: (found: readonly Item[], seen: readonly Item[]) => boolean,
  ): Promise<{ items: Item[]; isWhole: boolean }> {
    const since = Number.isFinite(this.#fromMs) ? new Date(this.#fromMs).toISOString() : undefined
    const { list, fits = () => true } = this.followed
    const seen: Item[] = []
    const found: Item[] = []
    let cursor: string | undefined
    for (let pages = 1; ; pages++) {
      const page = await list({ limit: PAGE, ...present({ cursor, since }) })
      const fresh = page.items.filter((item) => Date.parse(item.at) >= this.#fromMs && !this.#seen.has(item.id))
      seen.push(...fresh)
      found.push(...fresh.filter(fits))
      const isKnown = page.items.length > 0 && fresh.length === 0
      cursor = page.next_cursor ?? undefined
      const isWhole = cursor === undefined || isKnown
      if (isWhole || isEnough(found, seen) || pages === MOST_PAGES) {
        this.#remember(seen)
        // So many at once: what lies behind was there before, and is no news the next time.
        if (pages === MOST_PAGES)
          for (const { at } of seen.slice(-1)) this.#fromMs = Math.max(this.#fromMs, Date.parse(at) + 1)
        return { items: found.toReversed(), isWhole }
      }
    }
  }

  #remember(seen: readonly Item[]): void {
    for (const { id, at } of seen) this.#seen.set(id, Date.parse(at))
    for (const atMs of this.#seen.values()) this.#fromMs = Math.max(this.#fromMs, atMs - LATE_MS)
    for (const [id, atMs] of this.#seen) if (atMs < this.#fromMs) this.#seen.delete(id)
  }
}

/** How far apart the newest and the oldest are. */
function spanMs(newestFirst: readonly Happened[]): number {
  const [newest, oldest] = [newestFirst.at(0), newestFirst.at(-1)]
  return newest === undefined || oldest === undefined ? 0 : Date.parse(newest.at) - Date.parse(oldest.at)
}

function jsonLine(item: Happened): string {
  return `${JSON.stringify(item)}\n`
}

function isOutage(error: unknown): error is Error {
  return error instanceof UnreachableError || (error instanceof ApiError && error.status >= 500)
}
