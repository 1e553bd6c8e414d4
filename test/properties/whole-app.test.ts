// Random services, rights, owners, credentials and requests: the real app lets a request pass exactly when the plain
// reading of the law does, as the same caller and with the same scopes.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { startApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { passage } from './reference.ts'
import { asked, scene } from './scenes.ts'
import { build, put } from './staging.ts'

test(
  'the server allows what the law allows, and nothing else',
  async () => {
    let passed = 0
    let refused = 0
    const property = fc.asyncProperty(
      scene,
      fc.array(asked, { minLength: 1, maxLength: 40, size: 'large' }),
      async (there, questions) => {
        const app = await startApp()
        const wallet = await build(app, there)
        for (const question of questions) {
          const expected = passage(there, question)
          const answer = await put(app, question, wallet)
          const { headers, status } = answer
          const scopes = headers.get('remote-scopes')
          const got = status !== 200 ? undefined : { by: headers.get('remote-credential'), scopes }
          const isNobody = expected?.as === 'nobody'
          expect({ question, got }).toEqual({
            question,
            got: expected && {
              by: isNobody ? 'none' : (wallet.get(expected.as)?.id ?? null),
              scopes: [...expected.scopes].sort().join(',') || 'none',
            },
          })
          if (status === 200) passed++
          else refused++
        }
        await app.close()
      },
    )
    await fc.assert(property, { numRuns: 50 })
    // Neither side was idle.
    expect(passed).toBeGreaterThan(10)
    expect(refused).toBeGreaterThan(50)
  },
  PATIENCE_MS,
)
