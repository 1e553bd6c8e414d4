import { Registry } from 'prom-client'
import { CredentialGauges, type CredentialGaugesDeps } from './credential-gauges.ts'

/**
 * What `/metrics` shows: everything that is counted hangs on this one registry, never on the global one of the library.
 *
 * Security: whoever reads it needs no credential. Nothing that names a caller belongs into a label.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #credentials: CredentialGauges

  constructor(credentials: CredentialGaugesDeps) {
    this.#credentials = new CredentialGauges(this.#registry, credentials)
  }

  /** In the text format of Prometheus. */
  async answer(): Promise<Response> {
    await this.#credentials.refresh()
    const headers = { 'Content-Type': this.#registry.contentType, 'Cache-Control': 'no-store' }
    return new Response(await this.#registry.metrics(), { headers })
  }
}
