// git over HTTP, by git's own CGI program: enough of CGI (RFC 3875) for clone and push.

import { PATH } from './installed.ts'
import type { Service } from './recorder.ts'

/** Serves the bare repositories of a directory. Whom the proxy named is who the push is by. */
export function gitBackend(directory: string): Service {
  return async (request) => {
    const url = new URL(request.url)
    const child = Bun.spawn(['git', 'http-backend'], {
      env: {
        PATH,
        GIT_PROJECT_ROOT: directory,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_NOSYSTEM: '1',
        HOME: directory,
        REQUEST_METHOD: request.method,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers.get('content-type') ?? '',
        CONTENT_LENGTH: request.headers.get('content-length') ?? '',
        HTTP_CONTENT_ENCODING: request.headers.get('content-encoding') ?? '',
        GIT_PROTOCOL: request.headers.get('git-protocol') ?? '',
        REMOTE_USER: request.headers.get('remote-user') ?? '',
      },
      stdin: new Uint8Array(await request.arrayBuffer()),
      stdout: 'pipe',
      stderr: 'inherit',
    })
    return toResponse(new Uint8Array(await new Response(child.stdout).arrayBuffer()))
  }
}

function toResponse(output: Uint8Array<ArrayBuffer>): Response {
  const headEnd = Buffer.from(output).indexOf('\r\n\r\n')
  const headers = new Headers()
  for (const field of new TextDecoder().decode(output.subarray(0, headEnd)).split('\r\n')) {
    headers.append(field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim())
  }
  const status = Number.parseInt(headers.get('status') ?? '200', 10)
  headers.delete('status')
  return new Response(output.subarray(headEnd + 4), { status, headers })
}
