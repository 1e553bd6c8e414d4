// Builds what runs elsewhere than on Bun: the libraries, as ES modules with declarations, into their dist folders.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

export const LIBRARIES = ['resource-server', 'admin-api', 'client']
const root = join(import.meta.dir, '..')

/** Compiles one library; throws with the compiler's words when it does not compile. */
export async function buildLibrary(name: string, outDir = join(root, 'packages', name, 'dist')): Promise<string> {
  rmSync(outDir, { recursive: true, force: true })
  const compiler = Bun.spawn(
    [
      process.execPath,
      'x',
      '--bun',
      'tsc',
      '-p',
      join(root, 'packages', name, 'tsconfig.build.json'),
      '--outDir',
      outDir,
    ],
    { cwd: root, stdout: 'pipe', stderr: 'pipe' },
  )
  const output = await new Response(compiler.stdout).text()
  if ((await compiler.exited) !== 0) throw new Error(`${name} does not build:\n${output}`)
  return outDir
}

if (import.meta.main) {
  for (const name of LIBRARIES) console.log(`built ${await buildLibrary(name)}`)
}
