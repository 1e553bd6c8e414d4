import { describe, expect, test } from 'bun:test'
import { parseMethod } from './method.ts'

describe('a method', () => {
  const rows = [
    'GET',
    'HEAD',
    'POST',
    'OPTIONS',
    'PROPFIND',
    'COPY',
    'VERSION-CONTROL',
    'M-SEARCH',
    'AZ',
    'A'.repeat(32),
  ]
  test.each(rows)('%p', (value) => {
    expect(parseMethod(value)).toBe(value)
  })
})

describe('not a method', () => {
  const rows = [
    '',
    'get',
    'Get',
    'GET ',
    ' GET',
    'GET, POST',
    'GET\n',
    'GE T',
    'GET/',
    'GET1',
    'ＧET',
    '-GET',
    'GET-',
    '-',
    'A'.repeat(33),
    'TRACE',
    'CONNECT',
  ]
  test.each(rows)('%p', (value) => {
    expect(parseMethod(value)).toBeUndefined()
  })
})
