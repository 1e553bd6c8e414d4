// Runs on Node: reads options of protect() and requests as JSON from standard input, asks the guard of the built library
// each in turn, prints the answers as JSON.
import { protect } from '../../packages/resource-server/dist/index.js'

let text = ''
for await (const part of process.stdin) text += part
const { options, requests } = JSON.parse(text)
const { credentials, owners, ...store } = options.store
const guard = protect({
  ...options,
  store: { ...store, findCredential: (digest) => revived(credentials[digest]), findOwner: (id) => owners[id] },
})
const answers = []
for (const { url, headers, clientAddress } of requests) {
  answers.push(await told(await guard(new Request(url, { headers }), { clientAddress })))
}
process.stdout.write(JSON.stringify(answers))

function revived(credential) {
  if (credential === undefined) return undefined
  return { ...credential, expiresAt: credential.expiresAt && new Date(credential.expiresAt) }
}

async function told({ response, ...answer }) {
  const plain = JSON.parse(JSON.stringify(answer, (_, one) => (one instanceof Set ? [...one] : one)))
  if (response === undefined) return plain
  return { ...plain, status: response.status, challenge: response.headers.get('www-authenticate') }
}
