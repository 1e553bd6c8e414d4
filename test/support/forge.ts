// A git server with two repositories in two projects, and what docs/guides/git.md says of it.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gitBackend } from './git-backend.ts'
import { guideBlock, ROOT, substitute } from './guide.ts'
import { newToken, type TokenAsked } from './people.ts'
import { type Finished, run } from './program.ts'
import type { StartProxy } from './proxy.ts'
import type { Service } from './recorder.ts'
import { type Key, openScene, type Scene } from './stage.ts'
import { Teardown } from './teardown.ts'

export const ALPHA = '/git/alpha.git'
export const BETA = '/git/group/sub/beta.git'

export type Forge = Scene & {
  /** A token of alice, who may read and write in both projects. What is not named does not narrow it. */
  newToken(asked?: TokenAsked): Promise<Key>
  /** Runs before a request reaches the git server. */
  meanwhile(act: ((request: Request) => unknown) | undefined): void
}

export async function openForge(startProxy: StartProxy): Promise<Forge> {
  const teardown = new Teardown()
  const files = await teardown.temporaryDirectory('git')
  for (const path of [ALPHA, BETA]) {
    const bare = join(files, path)
    await mkdir(bare, { recursive: true })
    await run(['git', 'init', '--bare', '--initial-branch=main', bare], { env: { HOME: files } })
  }
  const serve = gitBackend(files)
  let act: ((request: Request) => unknown) | undefined
  const service: Service = async (request) => {
    await act?.(request)
    return await serve(request)
  }
  const scene = await openScene(startProxy, teardown, { files, service })
  try {
    await declare(scene)
  } catch (failure) {
    await scene.close()
    throw failure
  }
  return {
    ...scene,
    newToken: (asked) => newToken(scene.server, 'alice', asked),
    meanwhile(wanted) {
      act = wanted
    },
  }
}

async function declare({ server, host, files }: Scene): Promise<void> {
  const script = substitute(guideBlock('git.md', 'forge'), { '--host git.example.com': `--host ${host}` })
  const env = { HOME: files, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey }
  const done = await run(['bash', '-euc', script], { cwd: ROOT, env })
  if (done.exitCode !== 0) throw new Error(`the commands of docs/guides/git.md failed:\n${done.stderr}`)
}

/** git in a home of its own: it asks nobody, keeps no credential, and is given `token` as the password when it wants one. */
export function gitIn(home: string) {
  return (token: string | undefined, directory: string, ...args: string[]): Promise<Finished> =>
    run(['git', '-c', 'user.name=Alice', '-c', 'user.email=alice@example.com', ...args], {
      cwd: join(home, directory),
      env: { ...QUIET, HOME: home, TOKEN: token ?? '', ...(token === undefined ? {} : WITH_TOKEN) },
    })
}

const QUIET = { GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
/** Notes what git asks of it: `get`, and then `store` what worked or `erase` what did not. */
const HELPER = `!f() { echo "$1" >> "$HOME/asked"; test "$1" = get && printf 'username=x\\npassword=%s\\n' "$TOKEN"; }; f`
const WITH_TOKEN = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'credential.helper', GIT_CONFIG_VALUE_0: HELPER }
