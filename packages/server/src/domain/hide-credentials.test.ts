import { expect, test } from 'bun:test'
import { hideCredentials } from './hide-credentials.ts'

const LONG = 'a'.repeat(49)
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'

test.each([
  ['nothing of the kind', 'moved to another host on Monday', 'moved to another host on Monday'],
  ['a hint', 'the one that ends in cs_key_…x7Qz', 'the one that ends in cs_key_…x7Qz'],
  ['one of ours', `found cs_key_${LONG}, twice`, 'found cs_…, twice'],
  ['a part of one of ours', 'begins with cs_secret_0123456789', 'begins with cs_…'],
  ['a JWT', `?token=${JWT}&x=1`, '?token=…&x=1'],
  ['one of another system', 'see glpat-0123456789abcdefghij.', 'see …'],
  ['one of whatever can be printed', 'see acme_a+/b=otherOther<X>2|;,{}~ and more', 'see … and more'],
  ['one in quotes', '{"key":"acme_a+/b=otherOtherX2","in":\'glpat-01234567\'}', '{"key":"…","in":\'…\'}'],
  ['one in an address', 'https://a.example/?k=acme_a%2Fb=otherOtherX2&x=1', 'https://a.example/?k=…'],
  ['one that holds a JWT', `acme_x/${JWT}/0123`, '…'],
  ['one that holds what looks like ours', `acme_x/cs_key_${LONG}+0123`, '…'],
  ['a prefix alone', 'all that begin with acme_ and glpat-', 'all that begin with acme_ and glpat-'],
  ['a dot that is no wildcard', 'abXef0123456789 and ab.ef0123456789', 'abXef0123456789 and …'],
])('of a text with %s is left what is no credential', (_what, text, left) => {
  expect(hideCredentials(text, ['glpat-', 'acme_', 'ab.ef'])).toBe(left)
})

test('where nothing was imported, ours are hidden as well', () => {
  expect(hideCredentials(`cs_pat_${LONG} glpat-0123456789abcdefghij`, [])).toBe('cs_… glpat-0123456789abcdefghij')
})
