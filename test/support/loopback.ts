// Below the range from which the kernel takes the ports of outgoing connections, so that none is taken meanwhile.
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

const given = new Set<number>()

/** A loopback port that nothing listens on, and that this process has not given out before. */
export function freePort(): number {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if (!given.has(port) && canListen(port)) {
      given.add(port)
      return port
    }
  }
  throw new Error('no free loopback port found')
}

function canListen(port: number): boolean {
  try {
    const socket = { data: () => undefined }
    for (const hostname of ['127.0.0.1', '0.0.0.0']) Bun.listen({ hostname, port, socket }).stop(true)
    return true
  } catch {
    return false
  }
}
