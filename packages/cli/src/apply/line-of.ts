import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml'

/** The way to a field of a file: `['users', 1, 'email']`. */
export type FieldWay = readonly PropertyKey[]

/** On which line a field stands, or the nearest thing around it that is there. */
export type LineOf = (way: FieldWay) => number

export function lineFinder(document: Document, lines: LineCounter): LineOf {
  const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node) as Node | null | undefined
  return (way) => {
    let node = resolve(document.contents)
    let offset = node?.range?.[0] ?? 0
    for (const part of way) {
      const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === part) : undefined
      const next = pair?.value ?? (isSeq(node) && typeof part === 'number' ? node.items[part] : undefined)
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? (next as Node | undefined)?.range?.[0] ?? offset
      node = resolve(next)
      if (!node) break
    }
    return lines.linePos(offset).line
  }
}
