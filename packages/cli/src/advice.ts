/** The server advises in calls of the API; whoever sits at a command line is told the command instead. */
const COMMANDS: Record<string, { readonly create: string; readonly list: string }> = {
  clients: { create: 'client create <id>', list: 'client list' },
  users: { create: 'user create <username>', list: 'user list' },
  groups: { create: 'group create <name>', list: 'group list' },
  resources: { create: 'resource create <name> --identifier <uri> --host <host>', list: 'resource list' },
  issuers: { create: 'issuer create <name> --issuer <iss>', list: 'issuer list' },
  'trust-rules': { create: 'trust create <name> --issuer <name>', list: 'trust list' },
  permissions: { create: 'permission create', list: 'permission list' },
  credentials: { create: 'key create <client>', list: 'credentials list' },
  'me/tokens': { create: 'pat create', list: 'pat list' },
}

const ADVICE = /\b(with )?(POST|GET) \/api\/v1\/(me\/tokens|[a-z-]+)(?![\w/-])/g

export function asCommands(text: string): string {
  return text.replace(ADVICE, (call: string, preposition: string | undefined, method: string, noun: string) => {
    const command = COMMANDS[noun]?.[method === 'POST' ? 'create' : 'list']
    return command === undefined ? call : `${preposition ?? ''}\`countersign ${command}\``
  })
}

/** What a flag says that stands otherwise in a body. */
export function withFlags(text: string): string {
  return text.replaceAll('{"prefix": "…"}', '{"prefix": "…"} (--sub-prefix)')
}

/** What to do about a refusal that is not about the key alone. */
const AFTER: Record<string, string> = {
  minting_refused: 'Who may make credentials for others makes yours: countersign pat create --user <username>',
  principal_kind_refused: 'Only people have tokens of their own. Name whose it is: --user <username>',
  resource_not_granted:
    'A key or token reaches this API only if it was made for it: --resource countersign when it is made.',
}

export function afterRefusal(code: string): string[] {
  const advice = AFTER[code]
  return advice === undefined ? [] : [advice]
}
