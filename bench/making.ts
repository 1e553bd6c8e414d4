import type { App } from '../packages/server/src/index.ts'

export type Call = (method: string, path: string, body?: unknown) => Promise<Record<string, string>>
export type Make = (path: string, body: unknown) => Promise<Record<string, string>>

/** Calls the management API, in-process. Throws when it refuses. */
export function callerAt(app: App, bootstrapKey: string): Call {
  return async (method, path, body) => {
    const request = new Request(`http://127.0.0.1:8420/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${bootstrapKey}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = await app.publicRoutes.fallback(request, '127.0.0.1')
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? {} : ((await answer.json()) as Record<string, string>)
  }
}

/** Makes things there. */
export function makerAt(app: App, bootstrapKey: string): Make {
  const call = callerAt(app, bootstrapKey)
  return (path, body) => call('POST', path, body)
}
