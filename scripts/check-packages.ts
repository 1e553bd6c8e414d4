// Builds the libraries and lets publint judge what would be published.
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { buildLibrary, LIBRARIES } from './build.ts'

let problems = 0
for (const name of LIBRARIES) {
  await buildLibrary(name)
  const { messages, pkg } = await publint({ pkgDir: join(import.meta.dir, '..', 'packages', name), strict: true })
  for (const message of messages) {
    console.log(`${name}: ${formatMessage(message, pkg)}`)
    problems++
  }
}
console.log(problems === 0 ? 'The packages are fit to publish.' : `${problems} problems`)
process.exit(problems === 0 ? 0 : 1)
