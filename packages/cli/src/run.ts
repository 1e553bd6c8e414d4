import { type Command, CommanderError } from 'commander'
import { COMPLETE, printCompletion } from './commands/completion.ts'
import { AnswerIsNo, EXIT, exitCodeOf } from './exit.ts'
import { describeFailure } from './failure.ts'
import { meantCommand } from './mistyped.ts'
import { makeProgram } from './program.ts'
import type { Terminal } from './terminal.ts'
import { plain } from './text.ts'

/** Runs one command line and says with which status the process should end. Nothing is thrown. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = await makeProgram(terminal, argv)
    if (argv[0] === COMPLETE) {
      await printCompletion(program, terminal, argv.slice(1))
      return EXIT.ok
    }
    refuseUnknownCommand(program, argv)
    await program.parseAsync([...argv], { from: 'user' })
    const failure = await terminal.outFailure()
    // A reader that has seen enough (`| head`) is no failure.
    if (failure !== undefined && failure !== 'EPIPE')
      throw new Error(`What was to be said could not be written (${failure}).`)
    return EXIT.ok
  } catch (error) {
    // Commander has said it already; asking for help is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error instanceof AnswerIsNo) return EXIT.failed
    terminal.err(describeFailure(error))
    return exitCodeOf(error)
  }
}

/** Commander shows the help of what stands before an unknown word; whoever mistyped a command is told so instead. */
function refuseUnknownCommand(program: Command, argv: readonly string[]): void {
  const { operands } = program.parseOptions([...argv])
  let command = program
  const parents: string[] = []
  for (const word of operands[0] === 'help' ? operands.slice(1) : operands) {
    const found = command.commands.find((child) => child.name() === word)
    if (found === undefined && command.commands.length > 0) {
      const known = command.commands.map((child) => child.name())
      const meant = word.length > 32 ? undefined : meantCommand(parents, word, known)
      const question = meant === undefined ? '' : `\nDid you mean: ${meant}`
      command.error(`error: unknown command '${plain(word)}'${question}`, { code: 'commander.unknownCommand' })
    }
    if (found === undefined) return
    command = found
    parents.push(word)
  }
}
