import { z } from 'zod'
import { body } from './body.ts'
import { instant } from './names.ts'
import { page } from './page.ts'

export const SIGNING_KEY_STATES = ['published', 'active', 'retiring', 'retired'] as const

const THEN = '2030-01-31T12:00:00.000Z'
const moment = (description: string) => instant().meta({ description, example: THEN })

/** A key that this server signs with, did, or will. Its private part never leaves the server. */
export const SigningKey = z
  .object({
    kid: z.string().meta({
      description: 'Its id in `/.well-known/jwks.json`: its thumbprint (RFC 7638).',
      example: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    }),
    alg: z.literal('ES256').meta({ description: 'What it signs by.', example: 'ES256' }),
    state: z.enum(SIGNING_KEY_STATES).meta({
      description:
        '`published`: not yet signing, so that everybody knows it by then. `active`: it signs. `retiring`: it signs no ' +
        'more, but what it signed may live. `retired`: nothing that it signed is believed; it is in no list any more.',
      example: 'active',
    }),
    created_at: moment('When it was made.'),
    active_from: moment('From when on it signs.'),
    retires_at: instant().nullable().meta({
      description:
        'When it is published no more, and nothing that it signed is believed, or when it was. Null: it has no successor yet.',
      example: null,
    }),
  })
  .meta({ description: 'A key that access tokens and assertions are signed with.' })
export type SigningKey = z.infer<typeof SigningKey>

export const SigningKeyPage = page(SigningKey)

export const SigningKeyRotation = body({
  now: z
    .boolean()
    .default(false)
    .meta({
      description:
        'For a key that leaked: the new one signs at once, and all others are believed no more, nor any access token ' +
        '(JWT) or assertion that they signed, from the next request on.',
      example: false,
    }),
}).meta({ description: 'How the next key takes over.' })
export type SigningKeyRotation = z.output<typeof SigningKeyRotation>
