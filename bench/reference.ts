// A process of its own: oidc-provider on the runtime that runs this, configured as Countersign is in the bench.
import { startReference } from '../test/rfc/reference-server.ts'

export const REFERENCE = import.meta.path
export const REFERENCE_SECRET = 'reference-secret-of-the-bench-0123456789'
export const JWT_RESOURCE = 'https://jwt.example.com'
export const OPAQUE_RESOURCE = 'https://opaque.example.com'

if (import.meta.main) {
  const client = {
    client_id: 'caller',
    client_secret: REFERENCE_SECRET,
    token_endpoint_auth_method: 'client_secret_basic',
  }
  const resources = {
    [JWT_RESOURCE]: { scope: 'files:read', format: 'jwt' },
    [OPAQUE_RESOURCE]: { scope: 'files:read', format: 'opaque' },
  } as const
  await startReference([client], resources, ['caller'], Number(process.argv[2]))
}
