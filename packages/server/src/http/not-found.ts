import type { Handler } from './guard.ts'

/** The answer at every path where nothing is. */
export const notFound: Handler = () =>
  Response.json(
    { type: 'urn:countersign:problem:not_found', title: 'There is nothing here.', status: 404, code: 'not_found' },
    { status: 404, headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' } },
  )
