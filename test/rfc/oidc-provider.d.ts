// As much of oidc-provider as the tests use. It has no types of its own.
declare module 'oidc-provider' {
  import type { Server } from 'node:http'

  export default class Provider {
    constructor(issuer: string, configuration: object)
    listen(port: number, hostname: string, listening: () => void): Server
    readonly Client: { find(id: string): Promise<object | undefined> }
    readonly AccessToken: new (
      said: object,
    ) => { resourceServer: object; save(): Promise<string> }
    readonly ResourceServer: new (
      identifier: string,
      configuration: object,
    ) => object
  }
  export namespace errors {
    class InvalidTarget extends Error {}
    class InvalidRequest extends Error {}
  }
}
