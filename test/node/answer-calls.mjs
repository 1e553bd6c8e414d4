// Runs on Node: reads calls as JSON from standard input, makes them on the built library, prints the answers as JSON.
import * as built from '../../packages/resource-server/dist/index.js'

const library = new Map(Object.entries(built))
let text = ''
for await (const part of process.stdin) text += part
const answers = JSON.parse(text).map(({ name, args }) => answer(name, args))
process.stdout.write(JSON.stringify(await Promise.all(answers)))

function answer(name, args) {
  if (name === 'extractCredential') {
    const [headers, sources] = args
    const recognise = (shown) => built.parseIssuedCredential(shown)
    return built.extractCredential(new Headers(headers), sources, recognise) ?? null
  }
  if (name === 'assertionVerifier' || name === 'accessTokenVerifier') {
    const [options, headers] = args
    return library
      .get(name)({ ...options, now: () => new Date(options.now) })(new Headers(headers))
      .then(withLists)
  }
  if (name === 'refusalResponse') {
    const response = built.refusalResponse(...args)
    return response.text().then((body) => ({ status: response.status, headers: [...response.headers].sort(), body }))
  }
  return library.get(name)(...args) ?? null
}

function withLists(value) {
  return JSON.parse(JSON.stringify(value, (_, one) => (one instanceof Set ? [...one] : one)))
}
