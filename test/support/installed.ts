/** Debian keeps nginx where only root looks. */
export const PATH = `${process.env.PATH ?? ''}:/usr/sbin`

/** Says which of these programs are missing and what installs them; undefined when all are there. */
export function missingPrograms(programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => Bun.which(program, { PATH }) === null)
  if (missing.length === 0) return undefined
  return `missing: ${missing.join(', ')}. scripts/install-system-packages installs what the tests and the demo need.`
}
