// A REST service with projects, declared as docs/guides/tokens.md says. It answers for whom it takes the caller.

import { guideBlock, ROOT, substitute } from './guide.ts'
import { newToken, type TokenAsked } from './people.ts'
import { type Finished, run } from './program.ts'
import type { StartProxy } from './proxy.ts'
import { type Key, openScene, type Scene } from './stage.ts'
import { Teardown } from './teardown.ts'

export type Tracker = Scene & {
  /** A token of alice, a developer in every project. What is not named does not narrow it. */
  newToken(asked?: TokenAsked): Promise<Key>
  /** Runs a script of the guide: `npx countersign` with the administrator's key, and what else is given. */
  shell(script: string, environment?: Readonly<Record<string, string>>): Promise<Finished>
}

function serve(request: Request): Response {
  const told = (name: string) => request.headers.get(`remote-${name}`)
  if (new URL(request.url).pathname.endsWith('/locked')) return new Response('The project is locked.', { status: 403 })
  return Response.json({ user: told('user'), roles: told('roles'), scopes: told('scopes'), project: told('project') })
}

export async function openTracker(startProxy: StartProxy): Promise<Tracker> {
  const teardown = new Teardown()
  const files = await teardown.temporaryDirectory('tracker')
  const scene = await openScene(startProxy, teardown, { files, service: serve })
  const { server, host } = scene
  const shell = (script: string, environment: Readonly<Record<string, string>> = {}) =>
    run(['bash', '-euc', script], {
      cwd: ROOT,
      env: { HOME: files, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey, ...environment },
    })
  const script = substitute(guideBlock('tokens.md', 'people'), { '--host api.example.com': `--host ${host}` })
  const done = await shell(script)
  if (done.exitCode !== 0) {
    await scene.close()
    throw new Error(`the commands of docs/guides/tokens.md failed:\n${done.stderr}`)
  }
  return { ...scene, shell, newToken: (asked) => newToken(server, 'alice', asked) }
}
