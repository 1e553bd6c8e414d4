import { z } from 'zod'

const v4 = z.cidrv4()
const v6 = z.cidrv6()

/** A network in CIDR notation; one address is written with its full prefix (`/32`, `/128`). */
export const network = () =>
  z
    .string()
    .refine(
      (text) => v4.safeParse(text).success || v6.safeParse(text).success,
      'expected a network like "10.0.0.0/8" or "2001:db8::/32"; one address is "192.0.2.7/32"',
    )

/** Networks that confine something. Empty would be "nowhere", which is never what a caller means. */
export const networks = (where: 'leave the field out' | 'send null' = 'leave the field out') =>
  z.array(network()).min(1, `expected at least one network; ${where} where any network will do`)
