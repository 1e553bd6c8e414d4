// How `countersign token` shows which client it is: by a secret, a private key or a token of the platform.

import { type ClientAuthentication, clientSecretBasic, privateKeyJwt, tokenFile } from '@countersign/client'
import { UsageError } from './exit.ts'
import { readSigningKey } from './private-key-file.ts'
import { readSecret } from './secret-input.ts'
import type { Terminal } from './terminal.ts'

export type AuthenticationOptions = {
  readonly client: string
  readonly secretFile?: string
  readonly privateKeyFile?: string
  readonly keyId?: string
  readonly tokenFile?: string
}

/**
 * What was named on the command line, else the secret in the environment, else one that is typed.
 *
 * Security: secrets are never arguments: those are seen by every process on the machine and kept by the shell.
 */
export async function findAuthentication(
  terminal: Terminal,
  options: AuthenticationOptions,
): Promise<ClientAuthentication> {
  const { client, secretFile, privateKeyFile, keyId, tokenFile: platformToken } = options
  const named = [secretFile, privateKeyFile, platformToken].filter((path) => path !== undefined)
  if (named.length > 1) throw new UsageError(`Expected one of ${WAYS}, not several.`)
  if (keyId !== undefined && privateKeyFile === undefined) {
    throw new UsageError('--key-id names the key of --private-key-file: expected that one too.')
  }
  if (secretFile !== undefined) return clientSecretBasic(await readSecret(terminal, '--secret-file', secretFile))
  if (privateKeyFile !== undefined) return privateKeyJwt(await readSigningKey(terminal, privateKeyFile, keyId))
  if (platformToken !== undefined) return tokenFile(platformToken)
  return clientSecretBasic(secretInEnvironment(terminal) ?? (await askForSecret(terminal, client)))
}

const WAYS = '--secret-file, --private-key-file and --token-file'

function secretInEnvironment({ env }: Terminal): string | undefined {
  const secret = env.COUNTERSIGN_CLIENT_SECRET
  // An empty variable is a secret that did not arrive: whoever set it is told so instead of asked for another.
  if (secret === '') throw new UsageError('COUNTERSIGN_CLIENT_SECRET is set, but empty.')
  return secret
}

async function askForSecret(terminal: Terminal, client: string): Promise<string> {
  if (!terminal.canAsk) {
    throw new UsageError(
      `Expected one of ${WAYS} (- for stdin), or COUNTERSIGN_CLIENT_SECRET: there is no terminal here to ask at.`,
    )
  }
  const secret = await terminal.askSecret(`Secret of client ${client} (not shown): `)
  if (secret === '') throw new UsageError('Nothing was typed. Nothing was sent.')
  return secret
}
