// Builds what runs elsewhere than on Bun: the libraries, as ES modules with declarations, into their dist folders; and the
// command, with Bun inside, as one file.
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

/** Security: a directory that somebody works in says neither what is run nor what the environment is. */
const WHEREVER_IT_RUNS = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig']

/** Compiles the command into one file that needs nothing else. What it runs on is this machine's kind. */
export async function buildBinary(outFile = join(root, 'dist/countersign')): Promise<string> {
  rmSync(outFile, { force: true })
  const main = join(root, 'packages/cli/src/main.ts')
  const compiler = Bun.spawn(
    [process.execPath, 'build', '--compile', ...WHEREVER_IT_RUNS, '--minify-syntax', '--outfile', outFile, main],
    {
      cwd: root,
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const output = await new Response(compiler.stderr).text()
  if ((await compiler.exited) !== 0) throw new Error(`the command does not build:\n${output}`)
  return outFile
}

if (import.meta.main) {
  for (const name of LIBRARIES) console.log(`built ${await buildLibrary(name)}`)
  console.log(`built ${await buildBinary()}`)
}
