import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Load } from './wrk.ts'

/** One form that is posted, as it goes over the wire. */
export function formPost(path: string, authorization: string, form: Readonly<Record<string, string>>): string {
  const body = new URLSearchParams(form).toString()
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${authorization}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** A load that sends these requests one after another. */
export function loadOf(directory: string, name: string, requests: readonly string[]): Load {
  const script = join(directory, `${name}.lua`)
  writeFileSync(
    script,
    `local requests = {${requests.map((one) => JSON.stringify(one)).join(',\n')}}
local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format('measured %d %d %d %d %d %d', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status, broken))
end
`,
  )
  return { script }
}
