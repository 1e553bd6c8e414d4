// The directions of imports and the habits of the house, as a test: a line that breaks one is named with its reason.
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = join(import.meta.dir, '..')

type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] }

function sourcesIn(folder: string): Source[] {
  return filesIn(join(root, folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => {
      const text = readFileSync(file, 'utf8')
      return { path: relative(root, file), text, imports: importsOf(file, text) }
    })
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (name === 'node_modules' || name === 'dist') return []
    return statSync(path).isDirectory() ? filesIn(path) : [path]
  })
}

/** Specifiers as written; relative ones as paths from the root. */
function importsOf(file: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm),
  ]
  return specifiers.map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    return specifier.startsWith('.') ? relative(root, resolve(dirname(file), specifier)) : specifier
  })
}

const isTest = (path: string) => path.endsWith('.test.ts') || /\/(store|client\/src)\/testing\//.test(path)
const code = ['resource-server', 'admin-api', 'client', 'server', 'cli'].flatMap((name) =>
  sourcesIn(`packages/${name}/src`),
)
const production = code.filter(({ path }) => !isTest(path))

/** Files of `of` whose import `breaks`, as «file imports what». */
function offences(of: readonly Source[], breaks: (imported: string, source: Source) => boolean): string[] {
  return of.flatMap((source) =>
    source.imports
      .filter((imported) => breaks(imported, source))
      .map((imported) => `${source.path} imports ${imported}`),
  )
}

const within = (...folders: string[]) =>
  production.filter(({ path }) => folders.some((folder) => path.startsWith(folder)))
const SERVER = 'packages/server/src'

describe('the direction of imports', () => {
  test('the resource-server library imports jose and itself alone', () => {
    const allowed = (imported: string) => imported === 'jose' || imported.startsWith('packages/resource-server/src/')
    expect(offences(within('packages/resource-server/'), (imported) => !allowed(imported))).toEqual([])
  })

  test('the wire of the management API imports zod and itself alone', () => {
    const allowed = (imported: string) => imported === 'zod' || imported.startsWith('packages/admin-api/src/')
    expect(offences(within('packages/admin-api/'), (imported) => !allowed(imported))).toEqual([])
  })

  test('the library of callers imports itself alone', () => {
    // Its examples import it by its name.
    const itself = '@countersign/client'
    const allowed = (imported: string) => imported === itself || imported.startsWith('packages/client/src/')
    expect(offences(within('packages/client/'), (imported) => !allowed(imported))).toEqual([])
  })

  test('the domain does no I/O', () => {
    const allowed = (imported: string) =>
      imported === '@countersign/resource-server' || imported.startsWith(`${SERVER}/domain/`)
    expect(offences(within(`${SERVER}/domain/`), (imported) => !allowed(imported))).toEqual([])
  })

  test('SQL is in the store alone', () => {
    const outside = production.filter(({ path }) => !path.startsWith(`${SERVER}/store/`))
    expect(offences(outside, (imported) => /^(kysely|bun:sqlite|pg)\b/.test(imported))).toEqual([])
  })

  test('hono is in routes, in their problem writer and in http alone', () => {
    const outside = production.filter(({ path }) => !/server\/src\/(admin|http)\//.test(path))
    expect(offences(outside, (imported) => /^(hono|@hono\/)/.test(imported))).toEqual([])
  })

  // Each layer of the server may import those before it. Features stand side by side.
  const LAYERS = [
    ['domain', 'counting'],
    ['store'],
    ['keys'],
    ['directory'],
    ['authentication'],
    ['verify', 'oauth', 'admin', 'metrics'],
    ['http'],
  ]
  for (const [depth, layer] of LAYERS.entries()) {
    for (const folder of layer) {
      test(`${folder}/ imports only what lies below it`, () => {
        const below = new Set([...LAYERS.slice(0, depth).flat(), folder])
        const folderOf = (path: string) => /^packages\/server\/src\/([a-z-]+)\//.exec(path)?.[1]
        const breaks = (imported: string) => {
          const target = folderOf(imported)
          const isOfServer = imported.startsWith(`${SERVER}/`)
          if (imported === `${SERVER}/config.ts`) return folder !== 'http'
          return isOfServer && (target === undefined || !below.has(target))
        }
        // http/api.ts joins the one path and the management API: it is the edge of both.
        const files = within(`${SERVER}/${folder}/`)
        expect(offences(files, breaks)).toEqual([])
      })
    }
  }

  test('nothing imports the parts of the app but the app', () => {
    const isOfApp = (path: string) => path === `${SERVER}/app.ts` || path.startsWith(`${SERVER}/app/`)
    const others = production.filter(({ path }) => !isOfApp(path))
    expect(offences(others, (imported) => imported.startsWith(`${SERVER}/app/`))).toEqual([])
  })

  test('nothing imports app.ts but what starts it', () => {
    const starters = [`${SERVER}/index.ts`, `${SERVER}/serve.ts`]
    const others = production.filter(({ path }) => !starters.includes(path))
    expect(offences(others, (imported) => imported === `${SERVER}/app.ts`)).toEqual([])
  })
})

describe('habits', () => {
  /** Lines of production code, outside of `except`, that match. */
  const lines = (pattern: RegExp, except: (path: string) => boolean) =>
    production
      .filter(({ path }) => !except(path))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .flatMap((line, index) =>
            pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
          ),
      )
  const inCli = (path: string) => path.startsWith('packages/cli/')

  test('the environment, arguments and exits belong to the command line', () => {
    expect(lines(/\bprocess\./, inCli)).toEqual([])
  })

  test('the clock and chance are passed in', () => {
    const libraries = ['packages/resource-server/src/runtime-clock.ts', 'packages/client/src/runtime.ts']
    const makers = [`${SERVER}/serve.ts`, `${SERVER}/backup/commands.ts`, ...libraries]
    const pattern = /\bDate\.now\(|new Date\(\)|Math\.random|getRandomValues|randomBytes|performance\.now/
    expect(lines(pattern, (path) => inCli(path) || makers.includes(path))).toEqual([])
  })

  test('what a client chose is never parsed by new URL, which repairs instead of refusing', () => {
    const isCaller = (path: string) => inCli(path) || /^packages\/(admin-api|client)\//.test(path)
    expect(lines(/new URL\(/, isCaller)).toEqual([])
  })

  test('no hole in the types', () => {
    expect(lines(/\bas any\b|@ts-ignore|@ts-expect-error|@ts-nocheck/, () => false)).toEqual([])
  })

  test('names are not vague', () => {
    const vague = /(^|[-/])(util|utils|helper|helpers|common|misc|manager)(\.ts|\/|-)/
    expect(code.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([])
  })

  test('no source file is longer than a reader takes in at once', () => {
    const long = production.filter(({ text }) => text.split('\n').length > 350)
    expect(long.map(({ path, text }) => `${path}: ${text.split('\n').length} lines`)).toEqual([])
  })

  test('the lock file holds no download addresses', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
    expect(lock.match(/"resolved": "http[^"]*"/g) ?? []).toEqual([])
  })
})
