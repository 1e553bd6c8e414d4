import type { Measurement, Report } from './measured.ts'

/** One line a comparison; a case without one has a line of its own, with nulls. */
export function asJson({ bench, measurements }: Report): string {
  const lines = measurements.flatMap(({ case: name, value, unit, comparisons }) => {
    const shown = comparisons.length === 0 ? [{ to: null, ratio: null }] : comparisons
    return shown.map(({ to, ratio }) => ({
      bench,
      case: name.trim(),
      value: rounded(value),
      unit,
      ratio_to: to,
      ratio: ratio === null ? null : rounded(ratio),
    }))
  })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** A table, and one sentence that says which targets are met. */
export function asTable(report: Report): string {
  const { bench, setting, measurements, targets } = report
  const against = [...new Set(measurements.flatMap(({ comparisons }) => comparisons.map(({ to }) => to)))]
  const rows = [
    ['', 'median', '', 'spread', ...against.map((to) => `of ${to}`)],
    ...measurements.map((one) => [
      one.case,
      grouped(one.value),
      one.unit,
      one.spread === undefined ? '' : `${Math.round(one.spread * 100)} %`,
      ...against.map((to) => ratioTo(one, to)),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const isWord = (column: number) => column === 0 || column === 2
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (isWord(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  const said = targets.map(({ says, isMet }) => `${says}: ${isMet ? 'met' : 'not met'}`)
  const closing = said.length === 0 ? [] : ['', `${said.join('; ')}.`]
  return `${[`${bench}: ${setting}`, '', ...lines, ...closing].join('\n')}\n\n`
}

function ratioTo({ comparisons }: Measurement, to: string): string {
  return comparisons.find((comparison) => comparison.to === to)?.ratio.toFixed(2) ?? ''
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

/** 104 488, 8.51, 0.042: as many digits as mean something. */
function grouped(value: number): string {
  if (Math.abs(value) < 100) return String(rounded(value))
  return String(Math.round(value)).replace(/\B(?=([0-9]{3})+$)/g, ' ')
}
