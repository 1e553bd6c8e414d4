import type { App } from '../packages/server/src/index.ts'

export type Make = (path: string, body: unknown) => Promise<Record<string, string>>

/** Makes things at the management API, in-process. Throws when one is refused. */
export function makerAt(app: App, bootstrapKey: string): Make {
  return async (path, body) => {
    const request = new Request(`http://127.0.0.1:8420/api/v1${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bootstrapKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer = await app.publicRoutes.fallback(request, '127.0.0.1')
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Record<string, string>
  }
}
