// The parameters of a form, as every encoder that follows the rules writes them, and as none does.
import { describe, expect, test } from 'bun:test'
import { isDenied } from '@countersign/resource-server'
import fc from 'fast-check'
import { type Form, readForm } from './form.ts'

async function formOf(body: string): Promise<Form> {
  const form = await read(body)
  if (isDenied(form)) throw new Error(`refused: ${JSON.stringify(form)}`)
  return form
}

function read(body: string | Uint8Array<ArrayBuffer>) {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return readForm(new Request('https://auth.example.com/oauth/token', { method: 'POST', headers, body }))
}

test('what a form holds is read as it was meant, however it is encoded', async () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => one !== 'resource')
  const texts = fc.dictionary(name, fc.string({ unit: 'grapheme', minLength: 1 }), { noNullPrototype: true })
  await fc.assert(
    fc.asyncProperty(texts, fc.boolean(), async (said, isEncodedInFull) => {
      const pairs = Object.entries(said).map(([one, value]) => [one, value.toWellFormed()] as const)
      const encode = (text: string) =>
        isEncodedInFull
          ? [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
          : new URLSearchParams([[text, '']]).toString().slice(0, -1)
      const form = await formOf(pairs.map((pair) => pair.map(encode).join('=')).join('&'))
      for (const [one, value] of pairs) expect(form.get(one)).toBe(value)
    }),
  )
})

test('what has no value was not sent (RFC 6749 §3.2)', async () => {
  const form = await formOf('&scope=&scope&=&grant_type=a=b&?client_id=x&')
  expect([form.get('scope'), form.get('grant_type'), form.get('client_id')]).toEqual([undefined, 'a=b', undefined])
})

test('a resource that is said twice is said once (RFC 8707 §2)', async () => {
  const form = await formOf('resource=https%3A%2F%2Fa&resource=https://b&resource=https://a')
  expect([form.get('resource'), form.all('resource')]).toEqual(['https://a', ['https://a', 'https://b']])
  expect((await formOf('scope=x')).all('resource')).toEqual([])
})

describe('refused as malformed is', () => {
  for (const body of ['scope=%', 'scope=a%2', 'scope=%zz', '%=a', 'scope=%ff', 'scope=%c3%28', 'scope=%ed%a0%80']) {
    test(`what no UTF-8 is encoded to: ${body}`, async () => {
      expect(await read(body)).toMatchObject({ code: 'form_malformed', says: 'A parameter is not form-encoded UTF-8.' })
    })
  }

  test('what is not encoded, UTF-8 or not', async () => {
    for (const bytes of [[0xff], [0xc3, 0xbc], [0xef, 0xbf, 0xbd]]) {
      const body = new Uint8Array([...new TextEncoder().encode('scope=a'), ...bytes])
      expect(await read(body)).toMatchObject({ code: 'form_malformed', says: 'A parameter is not form-encoded UTF-8.' })
    }
  })

  for (const body of ['scope=a&scope=a', 'scope=a&%73cope=b', 'client_id=a&scope=x&client_id=b']) {
    test(`a parameter that is there twice: ${body}`, async () => {
      expect(await read(body)).toMatchObject({ code: 'form_malformed', says: 'A parameter is there more than once.' })
    })
  }
})
