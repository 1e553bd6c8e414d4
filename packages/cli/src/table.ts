import type { Terminal } from './terminal.ts'
import { columns, paint, plain, shorten, type Tone } from './text.ts'

/** What stands in a cell; a tone repeats in colour what the word says already. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

export type Column<Item> = readonly [heading: string, cell: (item: Item) => Cell]

const GAP = '  '
const NARROWEST = 8

/** A table with headings. On a terminal the widest columns are cut to fit; in a pipe nothing is. */
export function table<Item>(terminal: Terminal, items: readonly Item[], shape: readonly Column<Item>[]): string {
  return growingTable(terminal, shape)(items)
}

/** The same in parts: the first one begins with the headings, and no column gets narrower in a later one. */
export function growingTable<Item>(
  terminal: Terminal,
  shape: readonly Column<Item>[],
): (items: readonly Item[]) => string {
  const headings = shape.map(([heading]) => ({ text: heading.toUpperCase(), tone: 'quiet' as const }))
  let natural = shape.map(() => 0)
  let above = [headings]
  return (items) => {
    const rows: Styled[][] = [...above, ...items.map((item) => shape.map(([, cell]) => styled(cell(item))))]
    above = []
    natural = natural.map((width, index) => Math.max(width, ...rows.map((row) => columns(row[index]?.text ?? ''))))
    const widths = fit(natural, terminal.width)
    return rows.map((row) => `${line(terminal, row, widths)}\n`).join('')
  }
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

type Styled = { readonly text: string; readonly tone?: Tone }

function styled(cell: Cell): Styled {
  return typeof cell === 'string' ? { text: plain(cell) } : { text: plain(cell.text), tone: cell.tone }
}

function line(terminal: Terminal, row: readonly Styled[], widths: readonly number[]): string {
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
