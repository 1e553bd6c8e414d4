// Completes package-lock.json after `npm install` from a registry mirror that lacks packages of other platforms: newer
// npm versions refuse `npm ci` when an optional dependency has no entry. Adds each with its version and platform.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Entry = {
  version?: string
  cpu?: string[]
  dev?: boolean
  libc?: string[]
  optional?: boolean
  os?: string[]
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const path = join(import.meta.dir, '..', 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Entry> }

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'aix', 'win32']
const CPUS = ['arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64', 'arm']

/** The platform that a package of a native binary says in its name: `…-linux-x64-musl`, `…-windows-aarch64`. */
function platformOf(name: string): Entry {
  const words = name.replace('windows', 'win32').replace('aarch64', 'arm64').split(/[-/]/)
  const os = SYSTEMS.filter((system) => words.includes(system))
  const cpu = CPUS.filter((one) => words.includes(one))
  const libc = words.includes('musl') || words.includes('musleabihf') ? ['musl'] : []
  return {
    ...(cpu.length > 0 && { cpu }),
    ...(os.length > 0 && { os }),
    ...(libc.length > 0 && os.includes('linux') && { libc }),
  }
}

let added = 0
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`
    if (lock.packages[at] !== undefined) continue
    if (!/^[0-9]/.test(version)) throw new Error(`${name}@${version}: expected an exact version`)
    lock.packages[at] = { version, ...platformOf(name), ...(entry.dev && { dev: true }), optional: true }
    added++
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
console.log(`${added} optional packages added`)
