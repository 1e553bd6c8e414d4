// A process of its own: floods a server with tokens that nobody issued, told by its parent to go, to pause or to end.
import { badTokens, type Guessed } from '../test/support/bad-tokens.ts'
import { type Answers, Flood } from '../test/support/flood.ts'
import { questionOf, VERIFY_PATH } from './question.ts'

const FLOODER = import.meta.path
const CORE = 0

type Told = 'go' | 'pause' | 'ask'

type Plan = { readonly port: number; readonly tokens: number; readonly connections: number; readonly guessed: Guessed }

export type Flooded = { readonly sent: number; readonly answers: Answers }

export type Flooder = {
  go(): void
  /** Returns when all was answered that was sent. */
  pause(): Promise<Flooded>
  ask(): Promise<Flooded>
  stop(): void
}

/** Starts it on the core of whoever measures, to whom it gives way. */
export async function startFlooder(plan: Plan): Promise<Flooder> {
  let answered = Promise.withResolvers<Flooded>()
  const child = Bun.spawn(
    ['nice', '-n', '19', 'taskset', '-c', String(CORE), process.execPath, FLOODER, JSON.stringify(plan)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      ipc: (flooded: Flooded) => answered.resolve(flooded),
      onExit: () => answered.reject(new Error('whoever floods has ended')),
    },
  )
  const tell = (told: Told) => {
    answered = Promise.withResolvers<Flooded>()
    child.send(told)
    return answered.promise
  }
  await answered.promise
  return {
    go: () => child.send('go' satisfies Told),
    pause: () => tell('pause'),
    ask: () => tell('ask'),
    stop: () => {
      answered.promise.catch(() => undefined)
      child.kill()
    },
  }
}

if (import.meta.main) {
  const { port, tokens, connections, guessed } = JSON.parse(process.argv[2] ?? '') as Plan
  const kinds = Object.values(badTokens(guessed))
  const PLACEHOLDER = 'Bearer TOKEN'
  const lines = Object.entries(questionOf('TOKEN')).map(([header, value]) => `${header}: ${value}\r\n`)
  const [head = '', tail = ''] = `GET ${VERIFY_PATH} HTTP/1.1\r\n${lines.join('')}\r\n`.split(
    `Authorization: ${PLACEHOLDER}\r\n`,
  )
  let made = 0
  const flood = new Flood(port, () => {
    if (made >= tokens) return undefined
    const kind = kinds[made++ % kinds.length]
    return `${head}${kind?.header}: ${kind?.next()}\r\n${tail}`
  })
  const tell = () => process.send?.({ sent: flood.sent, answers: flood.answers } satisfies Flooded)
  process.on('message', async (told: Told) => {
    if (told === 'go') flood.go()
    if (told === 'pause') await flood.pause()
    if (told !== 'go') tell()
  })
  await flood.open(connections)
  tell()
}
