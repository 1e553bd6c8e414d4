// A process of its own: besieges a server with slow connections, or with rubbish, as its parent tells it.
import { Flood } from '../test/support/flood.ts'
import { RUBBISH } from '../test/support/rubbish.ts'
import { SLOW, SlowSockets } from '../test/support/slow-sockets.ts'

const BESIEGER = import.meta.path
const CORE = 0
const RUBBISH_CONNECTIONS = 16

type Told = 'slow' | 'rubbish' | 'stop'
type Plan = { readonly port: number; readonly sockets: number }

/** Connections that stand, and pieces of rubbish that were answered. */
export type Besieged = { readonly open: number; readonly answers: Readonly<Record<number, number>> }

export type Besieger = {
  /** Returns when it has begun, or has stopped what it did. */
  tell(told: Told): Promise<Besieged>
  stop(): void
}

/** Starts it on the core of whoever measures, to whom it gives way. */
export function startBesieger(plan: Plan): Besieger {
  let answered = Promise.withResolvers<Besieged>()
  const command = [process.execPath, BESIEGER, JSON.stringify(plan)]
  const child = Bun.spawn(['nice', '-n', '19', 'taskset', '-c', String(CORE), ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    ipc: (besieged: Besieged) => answered.resolve(besieged),
    onExit: () => answered.reject(new Error('whoever besieges has ended')),
  })
  return {
    tell: (told) => {
      answered = Promise.withResolvers<Besieged>()
      child.send(told)
      return answered.promise
    },
    stop: () => {
      answered.promise.catch(() => undefined)
      child.kill()
    },
  }
}

if (import.meta.main) {
  const { port, sockets } = JSON.parse(process.argv[2] ?? '') as Plan
  const slow = new SlowSockets(port, SLOW, true)
  const kinds = Object.values(RUBBISH)
  let sent = 0
  const flood = new Flood(port, () => kinds[sent++ % kinds.length]?.())
  const tell = () => process.send?.({ open: slow.openCount, answers: flood.answers } satisfies Besieged)
  let isFlooding = false
  process.on('message', async (told: Told) => {
    if (told === 'slow') await slow.open(sockets)
    if (told === 'rubbish') {
      if (!isFlooding) await flood.open(RUBBISH_CONNECTIONS)
      isFlooding = true
      flood.go()
    }
    if (told === 'stop' && isFlooding) await flood.pause()
    tell()
    if (told === 'stop') slow.close()
  })
}
