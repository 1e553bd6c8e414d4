import { ResourceChange } from '@countersign/admin-api'
import { type Command, Option } from 'commander'
import { requireBody } from './body-file.ts'
import { requireDuration, UNITS } from './duration.ts'
import { present } from './options.ts'

export type AccessTokenOptions = { readonly tokenFormat?: 'jwt' | 'opaque'; readonly tokenTtl?: string }

export function accessTokenOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--token-format <format>',
        'jwt: can be checked without asking; opaque: dies everywhere at once (at first jwt)',
      ).choices(['jwt', 'opaque']),
    )
    .option('--token-ttl <duration>', `how long access tokens for it live, 60s to 24h (${UNITS}; at first 10m)`)
}

/** What is said of the access tokens for a resource, each part by itself; undefined: nothing. */
export function accessTokenSaid({ tokenFormat: format, tokenTtl }: AccessTokenOptions) {
  const ttl_seconds = tokenTtl === undefined ? undefined : requireDuration('--token-ttl', tokenTtl)
  if (format === undefined && ttl_seconds === undefined) return undefined
  return requireBody(ResourceChange, { access_token: present({ format, ttl_seconds }) }).access_token
}
