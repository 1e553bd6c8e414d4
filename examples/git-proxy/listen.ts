// The listener around the API.

const MAX_BODY_BYTES = 16_384

export type ListenOptions = {
  readonly hostname: string
  readonly port: number
  readonly log: (line: string) => void
}

/** Security: without `error` whoever causes a fault is shown a page with paths and source of the API. */
export function listen(answer: (request: Request) => Response | Promise<Response>, { log, ...at }: ListenOptions) {
  return Bun.serve({
    ...at,
    maxRequestBodySize: MAX_BODY_BYTES,
    fetch: answer,
    error(fault) {
      log(`fault ${fault.stack ?? String(fault)}`)
      return new Response(null, { status: 500 })
    },
  })
}
