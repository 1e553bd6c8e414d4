import type { Terminal } from './terminal.ts'
import { columns, paint, plain, shorten, type Tone } from './text.ts'

/** What stands in a cell; a tone repeats in colour what the word says already. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

export type Column<Item> = readonly [heading: string, cell: (item: Item) => Cell]

const GAP = '  '
const NARROWEST = 8

/** A table with headings. On a terminal the widest columns are cut to fit; in a pipe nothing is. */
export function table<Item>(terminal: Terminal, items: readonly Item[], shape: readonly Column<Item>[]): string {
  const headings = shape.map(([heading]) => ({ text: heading.toUpperCase(), tone: 'quiet' as const }))
  const rows = [headings, ...items.map((item) => shape.map(([, cell]) => styled(cell(item))))]
  const widths = fit(
    shape.map((_, index) => Math.max(...rows.map((row) => columns(row[index]?.text ?? '')))),
    terminal.width,
  )
  return rows.map((row) => `${line(terminal, row, widths)}\n`).join('')
}

/** Labels and values, one pair a line; a value of several lines is aligned below its first. */
export function details(
  terminal: Terminal,
  pairs: readonly (readonly [label: string, value: Cell | readonly Cell[]])[],
): string {
  const labelled = pairs.map(([label, value]) => [plain(label), value] as const)
  const width = Math.max(...labelled.map(([label]) => columns(label)))
  const text = labelled.flatMap(([label, value]) => {
    const values = (Array.isArray(value) ? value : [value]) as readonly Cell[]
    return values.map((cell, index) => {
      const { text, tone } = styled(cell)
      return `  ${(index === 0 ? label : '').padEnd(width)}${GAP}${paint(terminal, tone, text)}\n`
    })
  })
  return text.join('')
}

/** The value of a pair that is a list; undefined where the key that asked may not read it. */
export function orNone(values: readonly string[] | undefined): string | readonly string[] {
  if (values === undefined) return 'unknown: this key may not read them'
  return values.length === 0 ? 'none' : values
}

function styled(cell: Cell): { text: string; tone?: Tone } {
  return typeof cell === 'string' ? { text: plain(cell) } : { text: plain(cell.text), tone: cell.tone }
}

function line(terminal: Terminal, row: readonly { text: string; tone?: Tone }[], widths: readonly number[]): string {
  const cells = row.map(({ text, tone }, index) => {
    const width = widths[index] ?? 0
    const short = shorten(text, width)
    const padding = index === row.length - 1 ? '' : ' '.repeat(width - columns(short))
    return paint(terminal, tone, short) + padding
  })
  return cells.join(GAP)
}

/** Narrows the widest column, again and again, until the row fits. */
function fit(natural: readonly number[], width: number | undefined): number[] {
  const widths = [...natural]
  if (width === undefined) return widths
  const room = Math.max(0, width - GAP.length * (widths.length - 1))
  while (widths.reduce((sum, one) => sum + one, 0) > room) {
    const widest = Math.max(...widths)
    if (widest <= NARROWEST) return widths
    widths[widths.indexOf(widest)] = widest - 1
  }
  return widths
}
