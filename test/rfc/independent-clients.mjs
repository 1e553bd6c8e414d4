// The way of a token with both clients under Node: found, got, checked by its keys, introspected, revoked.
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const { ISSUER = '', CLIENT_SECRET = '', RESOURCE = '' } = process.env
const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const client = { client_id: 'canister' }
const auth = oauth.ClientSecretBasic(CLIENT_SECRET)

const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const as = await oauth.processDiscoveryResponse(issuer, found)
const granted = await oauth.clientCredentialsGrantRequest(as, client, auth, { resource: RESOURCE }, insecure)
const { access_token } = await oauth.processClientCredentialsResponse(as, client, granted)
const request = new Request(RESOURCE, { headers: { Authorization: `Bearer ${access_token}` } })
const claims = await oauth.validateJwtAccessToken(as, request, RESOURCE, insecure)
const isActive = async () => {
  const response = await oauth.introspectionRequest(as, client, auth, access_token, insecure)
  return (await oauth.processIntrospectionResponse(as, client, response)).active
}
const before = await isActive()
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, access_token, insecure))

const options = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] }
const config = await openid.discovery(issuer, 'canister', undefined, openid.ClientSecretPost(CLIENT_SECRET), options)
const token = await openid.clientCredentialsGrant(config, { resource: RESOURCE })
const { active } = await openid.tokenIntrospection(config, token.access_token)
await openid.tokenRevocation(config, token.access_token)
const after = await openid.tokenIntrospection(config, token.access_token)

const seen = {
  oauth4webapi: [claims.client_id, before, await isActive()],
  'openid-client': [active, after.active],
}
process.stdout.write(JSON.stringify(seen))
