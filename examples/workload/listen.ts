// The listener around the API.

/** Security: without `error` whoever causes a fault is shown a page with paths and source of the API. */
export function listen(answer: (request: Request) => Response | Promise<Response>, log: (line: string) => void) {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: answer,
    error(fault) {
      log(`fault ${fault.stack ?? String(fault)}`)
      return new Response(null, { status: 500 })
    },
  })
}
