#!/usr/bin/env -S bun --no-env-file --config=/dev/null
import { processTerminal } from './process-terminal.ts'
import { run } from './run.ts'

process.exitCode = await run(process.argv.slice(2), processTerminal())
