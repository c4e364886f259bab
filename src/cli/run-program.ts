import { Command, CommanderError } from 'commander';
import { log } from '../config.ts';
import { VERSION } from '../version.ts';
import { PixlakeError, toPixlakeError } from '../errors.ts';
import { printError } from './print.ts';
import { addAttachCommands } from './attach-command.ts';
import { addCompletionCommand } from './completion-command.ts';
import { addDeleteCommand } from './delete-command.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDuCommand } from './du-command.ts';
import { addFilesCommand } from './files-command.ts';
import { addHistoryCommands } from './history-command.ts';
import { addIngestCommand } from './ingest-command.ts';
import { addModelsCommand } from './models-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addOptimizeCommand } from './optimize-command.ts';
import { addQueryCommand } from './query-command.ts';
import { addRunCommand } from './run-command.ts';
import { addRunsCommand } from './runs-command.ts';
import { addSampleCommand } from './sample-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addSimilarCommand } from './similar-command.ts';
import { addSqlCommand } from './sql-command.ts';
import { addTablesCommand } from './tables-command.ts';
import { addVacuumCommand } from './vacuum-command.ts';
import { addVerifyCommand } from './verify-command.ts';

const USAGE_EXIT_CODE = 2;

const HELP_HINT = '(add --help for examples)';

function toUsageError(text: string): PixlakeError {
  const message = text.trim().replace(/^error: /u, '');
  return new PixlakeError('ARGUMENT_INVALID', message, { remedy: HELP_HINT });
}

function buildProgram(isJson: boolean): Command {
  const program = new Command('pixlake')
    .description(
      'An image lakehouse: ingest catalogues into tables, select images with SQL, and run transforms and models on them.',
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError(isJson ? false : HELP_HINT);
  if (isJson) program.configureOutput({ outputError: (text) => printError(toUsageError(text), true) });
  addSampleCommand(program);
  addIngestCommand(program);
  addTablesCommand(program);
  addFilesCommand(program);
  addQueryCommand(program);
  addSqlCommand(program);
  addRunCommand(program);
  addRunsCommand(program);
  addModelsCommand(program);
  addSimilarCommand(program);
  addHistoryCommands(program);
  addDeleteCommand(program);
  addOptimizeCommand(program);
  addVacuumCommand(program);
  addDuCommand(program);
  addVerifyCommand(program);
  addAttachCommands(program);
  addServeCommand(program);
  addKeysCommand(program);
  addDemoCommand(program);
  addCompletionCommand(program);
  return program;
}

/** SQL from a file may begin with a comment, which is not an option. */
function keepComment(argument: string): string {
  return argument.startsWith('-- ') ? `\n${argument}` : argument;
}

/** Runs the program with the arguments of a process, node and script first, and gives the exit code; errors are printed. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json');
  try {
    await buildProgram(isJson).parseAsync(argv.map(keepComment));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    const known = toPixlakeError(error);
    if (known.code === 'INTERNAL_ERROR') log.error({ err: error }, 'a bug in pixlake');
    printError(known, isJson);
    return known.exitCode;
  }
}
