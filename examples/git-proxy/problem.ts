// What is wrong with a request of somebody who may ask.

const TITLES = { 400: 'Bad Request', 404: 'Not Found' } as const

/** @see RFC 9457 */
export function problem(status: keyof typeof TITLES, detail: string): Response {
  return Response.json(
    { title: TITLES[status], status, detail },
    { status, headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' } },
  )
}
