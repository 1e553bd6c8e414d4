// What the options of protect() may be, where types do not look: in JavaScript, in parsed JSON, behind a cast.

import { nearestName } from './protect-spelling.ts'

type Report = (path: string, message: string) => void

/** Judges a value that is there, and reports what cannot stand. False: it is of another type, so nothing can be made of it. */
export type Shape = (value: unknown, path: string, report: Report) => boolean

/** One value. `expected` is what it has to be, in words. */
export function value(expected: string, is: (value: unknown) => boolean): Shape {
  return (given, path, report) => {
    if (is(given)) return true
    report(path, `expected ${expected}`)
    return false
  }
}

export const text = value('a text', (given) => typeof given === 'string')
export const flag = value('true or false', (given) => typeof given === 'boolean')
export const number = value('a number', (given) => typeof given === 'number')
export const hook = value('a function', (given) => typeof given === 'function')
export const anything: Shape = () => true

/** One of these words alone. */
export function oneOf(...words: readonly string[]): Shape {
  const quoted = words.map((word) => `"${word}"`).join(', ')
  return value(words.length === 1 ? quoted : `one of ${quoted}`, (given) => words.some((word) => word === given))
}

export function orNull(shape: Shape): Shape {
  return (given, path, report) => given === null || shape(given, path, report)
}

/** `what` they are, in words. */
export function listOf(what: string, each: Shape, { min = 0 }: { readonly min?: number } = {}): Shape {
  const isList = value(`a list of ${what}`, Array.isArray)
  return (given, path, report) => {
    if (!isList(given, path, report)) return false
    const all = Array.from(given as ArrayLike<unknown>)
    if (all.length < min) report(path, `expected at least ${min}; leave it out for any`)
    const judged = all.map((one, at) => each(one, `${path}[${at}]`, report))
    return judged.every(Boolean)
  }
}

export const name = value('a text that is not empty', (given) => typeof given === 'string' && given !== '')
export const texts = listOf('texts', name)

/** Names that are not ours to know, as of roles and claims. */
export const table = value('an object', isObject)

type Members<Options> = { readonly [Name in keyof Options]-?: Shape }
type MembersOptions<Options> = {
  /** What nothing can be made without. The rest that has to be there is said where it is made use of. */
  readonly required?: readonly (keyof Options & string)[]
  /** May be an object of a class, which has other members for itself. */
  readonly mayBeOfClass?: boolean
}

/**
 * An object of these members and no other; one that is undefined counts as absent.
 *
 * Security: an option that is misspelled would loosen what it was to tighten, so no level may have one that is unknown.
 */
export function members<Options extends object>(
  shapes: Members<Options>,
  { required = [], mayBeOfClass = false }: MembersOptions<Options> = {},
): Shape {
  const known: ReadonlyMap<string, Shape> = new Map(Object.entries<Shape>(shapes))
  return (given, path, report) => {
    if (!isObject(given)) {
      report(path === '' ? 'options' : path, 'expected an object')
      return false
    }
    const at = (name: string) => (path === '' ? name : `${path}.${name}`)
    if (!(mayBeOfClass && isOfClass(given))) {
      for (const name of unknownIn(given, known)) report(at(name), whyUnknown(name, [...known.keys()]))
    }
    const judged = [...known].map(([name, shape]) => {
      const isAbsent = given[name] === undefined && !required.some((one) => one === name)
      return isAbsent || shape(given[name], at(name), report)
    })
    return judged.every(Boolean)
  }
}

/** Inherited ones count, since those that are known are read so, too. */
function unknownIn(given: object, known: ReadonlyMap<string, Shape>): readonly string[] {
  const names: string[] = []
  for (const name in given) if (!known.has(name) && Reflect.get(given, name) !== undefined) names.push(name)
  return names
}

function whyUnknown(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known)
  return `there is no such option; ${meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${meant}?`}`
}

/** A list, a Map, a Date or a promise has no members that are options: it would count as none of them. */
function isObject(given: unknown): given is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(given) === '[object Object]'
}

function isOfClass(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype !== null && prototype !== Object.prototype
}
