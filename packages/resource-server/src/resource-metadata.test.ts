import { expect, test } from 'bun:test'
import { resourceMetadataUrl } from './resource-metadata.ts'

const rows: [identifier: string, url: string | undefined][] = [
  ['https://a.example', 'https://a.example/.well-known/oauth-protected-resource'],
  ['https://a.example/', 'https://a.example/.well-known/oauth-protected-resource'],
  ['https://a.example/api/v1', 'https://a.example/.well-known/oauth-protected-resource/api/v1'],
  ['https://a.example/api/', 'https://a.example/.well-known/oauth-protected-resource/api/'],
  ['https://a.example:8443/api?tenant=b', 'https://a.example:8443/.well-known/oauth-protected-resource/api?tenant=b'],
  ['https://a.example?tenant=b', 'https://a.example/.well-known/oauth-protected-resource?tenant=b'],
  ['http://127.0.0.1:8420/api/v1', 'http://127.0.0.1:8420/.well-known/oauth-protected-resource/api/v1'],
  ['urn:example:webdav', undefined],
  ['ftp://a.example', undefined],
]
test.each(rows)('the metadata of %s are at %s', (identifier, url) => {
  expect(resourceMetadataUrl(identifier)).toBe(url)
})
