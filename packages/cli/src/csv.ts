export type CsvRow = { readonly line: number; readonly cells: readonly string[] }

/** The rows of a CSV text (RFC 4180): quoted cells may hold commas, line breaks and doubled quotes; blank lines do not
 *  count. Undefined for a text that ends within quotes. */
export function parseCsv(text: string): CsvRow[] | undefined {
  const rows: CsvRow[] = []
  let cells: string[] = []
  let line = 1
  let started = 1
  const cell = /"((?:[^"]|"")*)"(,|\r?\n|$)|([^",\r\n]*)(,|\r?\n|$)/y
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex
    const [whole, quoted, afterQuoted, bare, afterBare] = cell.exec(text) ?? []
    if (whole === undefined) return undefined
    cells.push(quoted?.replaceAll('""', '"') ?? bare?.trim() ?? '')
    line += whole.split('\n').length - 1
    const ended = (afterQuoted ?? afterBare) !== ',' || at + whole.length === text.length
    if (!ended) continue
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: started, cells })
    cells = []
    started = line
  }
  return rows
}
