import type pino from 'pino'
import type { AppIo } from './io.ts'

/** Expiry is judged by the clock of the node: so long a credential may live longer on one node than on another. */
const MAX_SKEW_MS = 30_000
/** An answer that took longer says too little of when the clock was read. */
const MAX_TRIP_MS = 2000

/** How far the clock of this node is from that of the database, which all nodes share. */
export class ClockSkew {
  /** Positive: this node is ahead. Undefined: not known. */
  seconds: number | undefined
  isTooFar = false

  constructor(
    private readonly io: Pick<AppIo, 'clock' | 'monotonicMs'>,
    private readonly log: pino.Logger,
    private readonly readMs: () => Promise<number | undefined>,
  ) {}

  /** Asks the database once. What cannot be measured stays as it was. */
  async measure(): Promise<void> {
    const { clock, monotonicMs } = this.io
    const beganMs = monotonicMs()
    const hereMs = clock().getTime()
    const thereMs = await this.readMs()
    const tripMs = monotonicMs() - beganMs
    if (thereMs === undefined || tripMs > MAX_TRIP_MS) return
    const skewMs = hereMs + tripMs / 2 - thereMs
    this.seconds = skewMs / 1000
    const wasTooFar = this.isTooFar
    this.isTooFar = Math.abs(skewMs) > MAX_SKEW_MS
    if (this.isTooFar === wasTooFar) return
    const found = { skew_seconds: Math.round(this.seconds) }
    if (this.isTooFar) this.log.warn(found, 'the clock of this machine is not that of the database: set it by NTP')
    else this.log.info(found, 'the clock of this machine is again that of the database')
  }
}
