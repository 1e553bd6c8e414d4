// Which addresses the server connects to on the word of others.

import { type Address, contains, type Network, parseNetwork } from '@countersign/resource-server'

/** Reached by no one's order, whatever networks are allowed: the keys of the machine itself are there. */
const METADATA = networksOf([
  '169.254.169.254', // AWS, Azure, Google Cloud, OpenStack and others
  '169.254.170.2', // AWS ECS
  '169.254.170.23', // AWS EKS
  'fd00:ec2::254', // AWS
  'fd00:ec2::23', // AWS EKS
  'fd20:ce::254', // Google Cloud
  '100.100.100.200', // Alibaba Cloud
  '168.63.129.16', // Azure
  '192.0.0.192', // Oracle Cloud
])

/** @see RFC 6890, https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL_IPV4 = networksOf([
  '0.0.0.0/8', // this network; 0.0.0.0 is this machine
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers and overlay networks
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
])

/** The only IPv6 addresses that are routed everywhere: loopback, fc00::/7, fe80::/10 and multicast lie outside. */
const GLOBAL_IPV6 = networksOf(['2000::/3'])
/** @see RFC 6890, https://www.iana.org/assignments/iana-ipv6-special-registry */
const SPECIAL_IPV6 = networksOf([
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address within, by anybody's relay
  '3fff::/20', // documentation
])
/** Translated to the IPv4 address of its last 32 bits: how a network without IPv4 reaches the rest. RFC 6052 */
const TRANSLATED = networksOf(['64:ff9b::/96'])

/**
 * Says why an address is not connected to; undefined: it may be. Public addresses may, and those within `allowed`;
 * what is no known public range may not.
 *
 * Security: an IPv6 address that stands for an IPv4 one is judged as that one: `64:ff9b::7f00:1` is 127.0.0.1, and
 * IPv4-mapped addresses are IPv4 already when they were read (`parseAddress`). 6to4 and Teredo are refused altogether.
 */
export function whyRefused(address: Address, allowed: readonly Network[]): string | undefined {
  const translated = translatedIPv4(address)
  if (contains(METADATA, translated ?? address)) return 'an address of cloud metadata, which is never asked'
  if (contains(allowed, address)) return undefined
  if (translated !== undefined) return whyRefused(translated, allowed)
  const isPublic =
    address.family === 4
      ? !contains(SPECIAL_IPV4, address)
      : contains(GLOBAL_IPV6, address) && !contains(SPECIAL_IPV6, address)
  return isPublic ? undefined : 'neither public nor of COUNTERSIGN_EGRESS_NETWORKS'
}

function translatedIPv4(address: Address): Address | undefined {
  return contains(TRANSLATED, address) ? { family: 4, words: [0, 0, 0, address.words[3]] } : undefined
}

function networksOf(texts: readonly string[]): readonly Network[] {
  return texts.map(parseNetwork).filter((network): network is Network => network !== undefined)
}
