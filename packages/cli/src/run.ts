import { CommanderError } from 'commander'
import { AnswerIsNo, EXIT, exitCodeOf } from './exit.ts'
import { describeFailure } from './failure.ts'
import { makeProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line and says with which status the process should end. Nothing is thrown. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = await makeProgram(terminal, argv)
    await program.parseAsync([...argv], { from: 'user' })
    return EXIT.ok
  } catch (error) {
    // Commander has said it already; asking for help is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error instanceof AnswerIsNo) return EXIT.failed
    terminal.err(describeFailure(error))
    return exitCodeOf(error)
  }
}
