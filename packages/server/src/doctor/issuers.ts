import { type IssuerKeyOptions, IssuerKeySources } from '../authentication/issuer-keys.ts'
import type { Config } from '../config.ts'
import { guardedFetch } from '../http/guarded-fetch.ts'
import { listIssuers } from '../store/issuers.ts'
import type { Db } from '../store/store.ts'
import { type Finding, fault, ok } from './finding.ts'

/** Whether the keys of each issuer can be had, by the fetch that the server uses: it may refuse an address. */
export async function examineIssuers(
  db: Db,
  config: Config,
  time: Pick<IssuerKeyOptions, 'clock' | 'monotonicMs'>,
): Promise<Finding[]> {
  const issuers = (await listIssuers(db)).filter(({ disabled }) => !disabled)
  const findings: Finding[] = []
  for (const issuer of issuers) {
    let failure: string | undefined
    const sources = new IssuerKeySources({
      fetch: guardedFetch({ networks: config.egressNetworks }),
      clock: time.clock,
      monotonicMs: time.monotonicMs,
      random: (length) => new Uint8Array(length),
      log: {
        warn(details) {
          if ('failures' in details && 'because' in details) failure = String(details.because)
        },
      },
    })
    const [algorithm = 'ES256'] = issuer.algorithms
    const keys = sources.of(issuer)
    await keys.find(undefined, algorithm)
    if (failure === undefined) continue
    const says = `The keys of the issuer ${issuer.name} cannot be had: ${failure}.`
    findings.push(
      fault(
        'issuers',
        says,
        `countersign issuer show ${issuer.name}`,
        'An address that is not public is fetched from if COUNTERSIGN_EGRESS_NETWORKS has it.',
      ),
    )
  }
  if (findings.length > 0 || issuers.length === 0) return findings
  return [
    ok('issuers', `The keys of ${issuers.length === 1 ? 'the issuer' : `all ${issuers.length} issuers`} can be had.`),
  ]
}
