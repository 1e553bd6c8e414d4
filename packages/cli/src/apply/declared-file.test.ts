// What is wrong with a file is told all at once, each mistake with its way and its line.

import { expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { parseDeclaredFile } from './declared-file.ts'

const KEY = formatCredential('key', new Uint8Array(32).fill(7))

function problemsIn(text: string): string[] {
  const parsed = parseDeclaredFile(text)
  return 'problems' in parsed ? parsed.problems.map(({ path, message }) => `${path}: ${message}`) : []
}

const BROKEN = `name: countersign
groops: []
groups:
  - name: developers
    descripton: x
  - name: developers
users:
  - username: alice
    email: nobody
    password: correct horse battery
  - {}
  - username: bob
    password_file: a
    password_env: B
permissions:
  - resource: forge
  - user: alice
    resource: countersign
    roles: [admin]
clients:
`

test('every mistake is told, in the order of the lines', () => {
  expect(problemsIn(BROKEN).map((problem) => problem.slice(0, problem.indexOf(')') + 1))).toEqual([
    'name (line 1)',
    'groops (line 2)',
    'groups[0].descripton (line 5)',
    'groups[1].name (line 6)',
    'users[0].email (line 9)',
    'users[0].password (line 10)',
    'users[1].username (line 11)',
    'users[2].password_env (line 14)',
    'permissions[0] (line 16)',
    'permissions[1].roles (line 19)',
    'clients (line 20)',
  ])
})

test('a mistake says what was expected, never what was there', () => {
  const problems = problemsIn(BROKEN).join('\n')
  expect(problems).toContain('users[0].email (line 9): expected an e-mail address like "alice@example.com"')
  expect(problems).toContain('groops (line 2): unknown field; expected name, adopt, groups')
  expect(problems).not.toContain('battery')
  expect(problems).not.toContain('nobody')
})

test.each([
  ['nothing at all', '', '(line 1): expected object'],
  ['a list', '- a', '(line 1): expected object'],
  ['a key twice', 'groups:\n  - name: a\n    name: b', 'line 3: Map keys must be unique'],
  ['several documents', 'groups: []\n---\ngroups: []', 'line 2: expected one document a file'],
  ['an unknown tag', 'groups: !!js/function x', 'line 1: '],
  ['an alias of nothing', 'groups: *a', 'the file: an alias stands for'],
  ['aliases that grow without end', bomb(), 'the file: an alias stands for'],
  ['a key that is no word', '1: x', '1 (line 1): unknown field'],
  ['a credential for a key', `${KEY}: x`, '… (line 1): unknown field'],
  ['what a proto would change', 'groups: []\n__proto__: { adopt: true }', '__proto__ (line 2): unknown field'],
])('%s is refused', (_what, text, problem) => {
  expect(problemsIn(text).join('\n')).toContain(problem)
})

const WHOLE = `groups:
  - name: a
    description: >-
      folded
clients: [{ id: b, groups: &g [a], name: "x" }]
trust_rules:
  - { name: t, issuer: i, match: { sub: { prefix: x } }, as: { client: b } }
`
const AROUND: readonly (readonly [before: string, after: string])[] = [
  ...(['', '!', '&', '*', '|', '>', '@', '`', '%', '\\', '\t', ', ', '[', '? ', '- '] as const).map(
    (before) => [before, '\n'] as const,
  ),
  ...([
    ['', ''],
    ['"', '"'],
    ['"\\x', '"'],
    ['!<', '> '],
    ['!!', ' '],
    ['{', ': 1}'],
    ['\n', ': x\n'],
    ['%YAML ', '\n---\n'],
  ] as const),
]

test('wherever a credential is pasted by mistake, no mistake that is told repeats it', () => {
  const texts = Array.from(WHOLE, (_, at) =>
    AROUND.map(([before, after]) => WHOLE.slice(0, at) + before + KEY + after + WHOLE.slice(at)),
  ).flat()
  const told = texts.map((text) => problemsIn(text).join('\n'))
  expect(told.filter((problems) => problems.includes(KEY.slice(10, 30)))).toEqual([])
  expect(told.filter((problems) => problems !== '').length).toBeGreaterThan(texts.length / 2)
})

test('of lines that do not hang together the first is told, not what follows from it', () => {
  expect(problemsIn('groups:\n  - name: a\n   b: c\n  - d\n')).toEqual(['line 3: Sequence item without - indicator'])
})

test('an anchor serves several entries, and JSON is YAML', () => {
  const text = 'clients:\n  - { id: a, groups: &g [x, y] }\n  - { id: b, groups: *g }'
  expect(parseDeclaredFile(text)).toHaveProperty('declaration.clients.1.groups', ['x', 'y'])
  const wrong = 'clients:\n  - id: a\n    groups: &g\n      - x\n      - Y\n  - { id: b, groups: *g }'
  expect(problemsIn(wrong).map((problem) => problem.split(':')[0])).toEqual([
    'clients[0].groups[1] (line 5)',
    'clients[1].groups[1] (line 5)',
  ])
  expect(parseDeclaredFile('{"groups":[{"name":"media"}]}')).toHaveProperty('declaration.groups.0.name', 'media')
})

test('a declaration that says nothing of its name is called "file", and adopts nothing', () => {
  const parsed = parseDeclaredFile('groups: [{ name: media }]')
  expect(parsed).toMatchObject({ declaration: { name: 'file', adopt: false, groups: [{ adopt: false }] } })
})

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level},`.repeat(9)}]`)
  return ['l0: &l0 [x]', ...levels].join('\n')
}
