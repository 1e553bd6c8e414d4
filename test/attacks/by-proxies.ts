// Attacks that only a real proxy can show: which tests of test/support/proxied/, run before Caddy, nginx and HAProxy, hold
// them.

export type ProxyTest = { readonly file: string; readonly names: readonly string[] }

export const BY_PROXIES: Readonly<Record<string, ProxyTest>> = {
  'FWD-02': { file: 'question.ts', names: ['nothing that the client says about its request reaches Countersign'] },
  'FWD-21': { file: 'spoofing.ts', names: ['Connection naming the credential', ' from a client make no difference'] },
  'FWD-23': { file: 'spoofing.ts', names: ['identity headers in odd cases', ' from a client make no difference'] },
  'FWD-25': { file: 'spoofing.ts', names: ['underscores for hyphens', ' from a client make no difference'] },
  'FWD-29': {
    file: 'outage.ts',
    names: [
      'a request is refused while Countersign is down',
      'a request is refused in the end when Countersign does not answer',
      'no answer but success lets a request pass',
    ],
  },
  'FWD-33': { file: 'access.ts', names: [' is refused, and the caller is told how to do better'] },
}
