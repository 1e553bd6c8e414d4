// The public door: what callers of this package may rely on.
export { type AboutToken, AccessToken } from './access-token.ts'
export { apiKey } from './api-key.ts'
export {
  type AskingClient,
  type ClientAuthentication,
  clientSecretBasic,
  clientSecretPost,
  type Secret,
} from './client-authentication.ts'
export { type CreateFetchOptions, createFetch } from './create-fetch.ts'
export { type FileTokenSourceOptions, fileTokenSource } from './file-token-source.ts'
export type { PrivateKey, SigningAlgorithm } from './private-key.ts'
export { type PrivateKeyJwtOptions, privateKeyJwt } from './private-key-jwt.ts'
export type { Clock, Fetch, Random, Wait } from './runtime.ts'
export { tokenFile } from './token-file.ts'
export { type TokenRefusal, TokenRequestError } from './token-request-error.ts'
export { type AskedToken, type TokenSource, type TokenSourceOptions, tokenSource } from './token-source.ts'
