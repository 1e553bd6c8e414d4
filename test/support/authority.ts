import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './program.ts'

export type Pair = { readonly key: string; readonly cert: string }

/** A certificate authority of nobody's system. Needs openssl. */
export type Authority = {
  /** Its certificate, in PEM, and the file that holds it. */
  readonly pem: string
  readonly file: string
  /** A key and a certificate for a server, `IP:127.0.0.1`. */
  certify(subject: string): Promise<Pair>
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export async function makeAuthority(directory: string, name: string): Promise<Authority> {
  const openssl = async (...args: string[]) => {
    const { exitCode, stderr } = await run(['openssl', ...args], { cwd: directory, env: {} })
    if (exitCode !== 0) throw new Error(stderr)
  }
  const [key, file] = [`${name}.key`, `${name}.pem`]
  await openssl('req', '-x509', ...NEW_KEY, '-keyout', key, '-out', file, '-days', '2', '-subj', `/CN=${name}`)
  const read = (path: string) => readFile(join(directory, path), 'utf8')
  return {
    pem: await read(file),
    file: join(directory, file),
    async certify(subject) {
      await writeFile(join(directory, 'names'), `subjectAltName=${subject}`)
      await openssl('req', ...NEW_KEY, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server')
      const signer = ['-CA', file, '-CAkey', key, '-CAcreateserial', '-extfile', 'names']
      await openssl('x509', '-req', '-in', 'server.csr', ...signer, '-out', 'server.pem', '-days', '2')
      return { key: await read('server.key'), cert: await read('server.pem') }
    },
  }
}
