export * from './principal.ts'
export * from './refusals.ts'
