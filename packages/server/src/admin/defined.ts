/** Without the fields that are undefined. */
export type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** The fields that were sent: what is undefined must not overwrite what is there. */
export function defined<T extends object>(sent: T): Defined<T> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) as Defined<T>
}
