import { createServer } from 'node:http'
import { UsageError } from '../exit.ts'

/** What the echo says of a request that reached it. */
export type Echoed = {
  readonly countersign_echo: string
  readonly method: string
  readonly target: string
  /** Names and values in turn, as they came. */
  readonly headers: readonly string[]
}

/** Stands in for the service, for as long as the doctor looks: answers every request with what it received. */
export function startEcho(hostname: string, port: number, nonce: string): Promise<{ stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { method = '', url: target = '', rawHeaders: headers } = request
    const echoed: Echoed = { countersign_echo: nonce, method, target, headers }
    response.writeHead(200, { 'Content-Type': 'application/json', Connection: 'close' })
    response.end(method === 'HEAD' ? undefined : JSON.stringify(echoed))
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new UsageError(`--echo-listen: ${error.message}. Stop the service first.`)))
    server.listen(port, hostname, () => {
      resolve({
        stop: () =>
          new Promise((stopped) => {
            server.close(() => stopped())
            server.closeAllConnections()
          }),
      })
    })
  })
}
