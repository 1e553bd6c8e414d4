// Writes docs/reference from the code that it describes. `test/reference.test.ts` sees that it was run.
import { join } from 'node:path'
import { declarationSchema } from '@countersign/admin-api'
import { REFUSALS } from '@countersign/resource-server'
import { METRICS, OPTIONS, variableOf } from '@countersign/server'
import { ADVICE, PROXY_NAMES, PROXY_TITLES } from '../packages/cli/src/doctor/advice.ts'

const folder = join(import.meta.dir, '..', 'docs', 'reference')

/** Every page of the reference that code writes: file name → text. */
export function referencePages(): Record<string, string> {
  return {
    ...{ 'config.md': configPage(), 'metrics.md': metricsPage(), 'refusals.md': refusalsPage() },
    'doctor.md': doctorPage(),
    'declared-file.schema.json': `${JSON.stringify(declarationSchema(), null, 2)}\n`,
  }
}

function configPage(): string {
  const rows = OPTIONS.map((option) => {
    const variable = option.type === 'secret' ? `\`${variableOf(option)}\`, \`…_FILE\`` : `\`${variableOf(option)}\``
    const standard = option.default === undefined ? '' : `\`${option.default}\``
    return `| \`${option.name}\` | ${variable} | ${standard} | ${option.doc} | ${option.type === 'secret' ? option.example : `\`${option.example}\``} |`
  })
  return `# Options of the server

Written from \`packages/server/src/config.ts\` by \`bun scripts/reference.ts\`.

An option is set by its variable, or by its name in a YAML file that \`COUNTERSIGN_CONFIG\` (or \`serve --config\`) names;
the variable wins. Secrets can come from a file: \`COUNTERSIGN_BOOTSTRAP_KEY_FILE=/run/secrets/key\`, or
\`bootstrap_key_file: /run/secrets/key\`. An option that does not exist, an empty secret or a value that is not acceptable
stops the start with exit code 78 and the list of all problems.

| name | variable | default | meaning | example |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

function refusalsPage(): string {
  const rows = Object.entries(REFUSALS).map(
    ([code, { status, wire, description }]) =>
      `| \`${code}\` | ${status} | ${wire === null ? '' : `\`${wire}\``} | ${description} |`,
  )
  return `# Refusals

Written from \`packages/resource-server/src/refusals.ts\` by \`bun scripts/reference.ts\`.

The code is for the operator: \`countersign why <decision id>\` shows it with what to do. The caller sees the status, the
\`error\` of the challenge (RFC 6750 §3.1) and the sentence, which are the same for every credential that is not valid.
With nginx, 400 becomes 401, because its \`auth_request\` knows no other.

| code | status | error | what the caller is told |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function metricsPage(): string {
  const rows = Object.entries(METRICS).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  return `# Figures at /metrics

Written from \`packages/server/src/metrics/definitions.ts\` by \`bun scripts/reference.ts\`.

In the text format of Prometheus; a \`histogram\` is \`_bucket\`, \`_sum\` and \`_count\`. What they are for, and what to do
when one is not as it should be, says [Operating](../guides/operating.md).

No label names a caller, and none holds what a stranger sent. \`resource\` and \`issuer\` are registered names: the first 200
that are used since the start, \`(other)\` for the rest, and \`(none)\` where there is none, as with an unknown host.

| name | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function doctorPage(): string {
  const parts = Object.values(ADVICE).map((advice) => {
    const lines = PROXY_NAMES.map((proxy) => {
      const guide = `[${PROXY_TITLES[proxy]}](../guides/${proxy}.md)`
      return `${guide}:\n\n\`\`\`text\n${advice[proxy].join('\n')}\n\`\`\`\n`
    })
    return `## ${advice.closes}\n\n${lines.join('\n')}\n`
  })
  return `# Which line closes which hole

Written from \`packages/cli/src/doctor/advice.ts\` by \`bun scripts/reference.ts\`.

What \`countersign doctor --resource\` tells to add, for each proxy. Every line stands in the guide of its proxy, which says
where it belongs and what it is for; how to read what the doctor says is in [its own guide](../guides/doctor.md).

${parts.join('\n')}`
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(referencePages())) {
    await Bun.write(join(folder, name), text)
    console.log(`wrote docs/reference/${name}`)
  }
}
