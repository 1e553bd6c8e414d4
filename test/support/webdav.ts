import { freePort } from './loopback.ts'
import { type Program, startProgram } from './program.ts'
import { isListening } from './wait.ts'

/** A real WebDAV server (rclone's) over a directory. It asks nobody who they are: that is the proxy's part. */
export async function startWebdav(directory: string): Promise<Program & { readonly port: number }> {
  const port = freePort()
  const program = await startProgram({
    name: 'rclone serve webdav',
    command: ['rclone', 'serve', 'webdav', directory, '--addr', `127.0.0.1:${port}`, '--config', '/dev/null'],
    env: { HOME: directory, RCLONE_CACHE_DIR: `${directory}.cache` },
    ready: () => isListening(port),
  })
  return { ...program, port }
}
