// The most that this runtime can do with an answer of the same headers: no routes, no reading of the request.

/** To be run by itself: `bun bare-bun.ts <port> <headers as JSON>`. */
export const BARE_BUN = import.meta.path

if (import.meta.main) {
  const [port, headersJson = '{}'] = process.argv.slice(2)
  // Made once: what costs Bun least.
  const headers = new Headers(JSON.parse(headersJson))
  Bun.serve({
    hostname: '127.0.0.1',
    port: Number(port),
    development: false,
    fetch: () => new Response(null, { headers }),
  })
}
