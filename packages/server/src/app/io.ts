/** What a process gives the app, and a test replaces: time, chance and where log lines go. */
export type AppIo = {
  readonly clock: () => Date
  readonly monotonicMs: () => number
  readonly random: (length: number) => Uint8Array
  readonly log: { write(line: string): void }
}

export function sha256Hex(text: string): string {
  return Bun.SHA256.hash(text, 'hex')
}

export function sha256(text: string): Uint8Array {
  const digest = new Uint8Array(32)
  Bun.SHA256.hash(text, digest)
  return digest
}
