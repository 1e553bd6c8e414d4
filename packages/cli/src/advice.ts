/** The server advises in calls of the API; whoever sits at a command line is told the command instead. */
const COMMANDS: Record<string, { readonly create: string; readonly list: string }> = {
  clients: { create: 'client create <id>', list: 'client list' },
  groups: { create: 'group create <name>', list: 'group list' },
  resources: { create: 'resource create <name> --identifier <uri> --host <host>', list: 'resource list' },
  permissions: { create: 'permission create', list: 'permission list' },
  credentials: { create: 'key create <client>', list: 'key list' },
}

const ADVICE = /\b(with )?(POST|GET) \/api\/v1\/([a-z]+)(?![\w/])/g

export function asCommands(text: string): string {
  return text.replace(ADVICE, (call: string, preposition: string | undefined, method: string, noun: string) => {
    const command = COMMANDS[noun]?.[method === 'POST' ? 'create' : 'list']
    return command === undefined ? call : `${preposition ?? ''}\`countersign ${command}\``
  })
}
