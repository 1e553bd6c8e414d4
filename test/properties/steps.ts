// What is given to somebody, taken from them and given back, one step at a time: in the app and in the scene alike.
import fc from 'fast-check'
import type { TestApp } from '../support/app.ts'
import { type Permission, permission, type Scene, scene } from './scenes.ts'
import { callApi, OWNER_ID, ownerPath, SERVICES } from './staging.ts'

export type Step =
  | { readonly set: 'state'; readonly to: 'enabled' | 'disabled' }
  | { readonly set: 'member'; readonly to: boolean }
  | { readonly set: 'group'; readonly to: 'enabled' | 'disabled' }
  | { readonly give: Permission }
  /** Of the permissions that there are, the one of this number. */
  | { readonly take: number }
  /** The same one keeps its scopes, and loses its roles. */
  | { readonly strip: number }

export const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ set: fc.constant('state' as const), to: fc.constantFrom('enabled', 'enabled', 'disabled') }),
  fc.record({ set: fc.constant('member' as const), to: fc.boolean() }),
  fc.record({ set: fc.constant('group' as const), to: fc.constantFrom('enabled', 'disabled') }),
  fc.record({ give: permission }),
  fc.record({ take: fc.nat(9) }),
  fc.record({ strip: fc.nat(9) }),
)

/** A scene of a person whose services take credentials where everybody puts them. */
export const personsScene: fc.Arbitrary<Scene> = scene.map((one) => ({
  ...one,
  services: one.services.map((service) => ({ ...service, credential_header: null })),
  owner: { kind: 'user', state: 'enabled', member: one.owner.member, swept: 'nothing' },
  keys: [],
}))

/** Changes the app and, in place, the scene. Returns how to undo it; undefined: there was nothing to do. */
export async function applyStep(app: TestApp, there: Scene, step: Step): Promise<(() => Promise<void>) | undefined> {
  if ('give' in step) return give(app, there, step.give)
  if ('take' in step) return take(app, there, step.take % Math.max(there.permissions.length, 1))
  if ('strip' in step) return strip(app, there, step.strip % Math.max(there.permissions.length, 1))
  if (step.set === 'group') {
    const before = there.group
    if (before === step.to) return undefined
    there.group = step.to
    await callApi(app, 'PATCH', '/groups/team', { disabled: step.to === 'disabled' })
    return undo(app, there, { set: 'group', to: before })
  }
  if (step.set === 'member') {
    if (there.owner.member === step.to) return undefined
    there.owner.member = step.to
    await callApi(app, 'PATCH', ownerPath(there), { groups: step.to ? ['team'] : [] })
    return undo(app, there, { set: 'member', to: !step.to })
  }
  if (there.owner.state === step.to) return undefined
  there.owner.state = step.to
  await callApi(app, 'PATCH', ownerPath(there), { disabled: step.to === 'disabled' })
  return undo(app, there, { set: 'state', to: step.to === 'enabled' ? 'disabled' : 'enabled' })
}

function undo(app: TestApp, there: Scene, step: Step): () => Promise<void> {
  return async () => void (await applyStep(app, there, step))
}

async function give(app: TestApp, there: Scene, given: Permission) {
  if (there.permissions.some((one) => isSame(one, given))) return undefined
  there.permissions.push(given)
  const { holder, service, ...rights } = given
  const held = holder === 'owner' ? { [there.owner.kind]: OWNER_ID } : { group: 'team' }
  await callApi(app, 'POST', '/permissions', { ...held, resource: SERVICES[service], ...rights })
  return undo(app, there, { take: there.permissions.length - 1 })
}

async function take(app: TestApp, there: Scene, at: number) {
  const [taken] = there.permissions.splice(at, 1)
  if (taken === undefined) return undefined
  const holder = taken.holder === 'owner' ? `${there.owner.kind}=${OWNER_ID}` : 'group=team'
  const { items } = await callApi(app, 'GET', `/permissions?${holder}&resource=${SERVICES[taken.service]}&limit=100`)
  const found = (items as (Permission & { id: string })[]).find((one) => isSame({ ...taken, ...rightsOf(one) }, taken))
  if (found === undefined) throw new Error('a permission of the scene is not in the app')
  await callApi(app, 'DELETE', `/permissions/${found.id}`)
  return async () => void (await give(app, there, taken))
}

async function strip(app: TestApp, there: Scene, at: number) {
  const whole = there.permissions[at]
  if (whole === undefined || whole.roles.length === 0) return undefined
  const giveBack = await take(app, there, at)
  const takeBack = await give(app, there, { ...whole, roles: [] })
  return async () => {
    await takeBack?.()
    await giveBack?.()
  }
}

type Rights = Pick<Permission, 'scopes' | 'roles' | 'projects'>

function rightsOf({ scopes, roles, projects }: Rights): Rights {
  return { scopes, roles, ...(projects ? { projects } : { projects: undefined as never }) }
}

function isSame(one: Permission, other: Permission): boolean {
  const text = ({ holder, service, scopes, roles, projects }: Permission) =>
    JSON.stringify([
      holder,
      service,
      [...new Set(scopes)].sort(),
      [...roles].sort(),
      projects ? [...projects].sort() : null,
    ])
  return text(one) === text(other)
}
