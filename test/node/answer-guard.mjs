// Runs on Node: reads options of protect() and requests as JSON from standard input, prints what the built guard answers.
import { ProtectOptionsError, protect } from '../../packages/resource-server/dist/index.js'

let text = ''
for await (const part of process.stdin) text += part
const cases = JSON.parse(text)
process.stdout.write(JSON.stringify(await Promise.all(cases.map(answerTo))))

async function answerTo({ options, own, request }) {
  const store = own && {
    prefix: own.prefix,
    findCredential: async (digest) => {
      const row = own.credentials[digest]
      return row && { ...row, expiresAt: new Date(row.expiresAt) }
    },
    findOwner: async (id) => own.owners[id],
  }
  try {
    const guard = protect({ ...options, now: () => new Date(options.now), ...(store && { store }) })
    const { url, headers } = request
    const answer = await guard(new Request(url, { headers }))
    if (answer.outcome === 'deny') return [answer.code, answer.response.status, await answer.response.text()]
    if (answer.outcome === 'continue') return ['continue']
    const { principal, roles, scopes, credential } = answer
    return ['allow', principal.kind, principal.id, [...roles], [...scopes], credential.kind, credential.id]
  } catch (error) {
    if (error instanceof ProtectOptionsError) return error.problems.map(({ path }) => path)
    throw error
  }
}
