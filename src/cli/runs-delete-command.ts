import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { printRemoval } from './removal-report.ts';
import { printJson } from './print.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly older?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** `pixlake runs delete`: deletes executions of a run. */
export function addRunsDeleteCommand(runs: Command): void {
  withLakeOptions(
    runs
      .command('delete <name>')
      .description(
        'Delete a run with all of its executions, so its name is free. What others need is kept and reported: images that\na newer execution took over, and executions that an unfinished run reads.',
      )
      .option('--older', 'delete only executions that are older than the newest finished one')
      .option('--force', 'also delete unfinished executions, and damaged ones with --older')
      .option('--dry-run', 'only print what would be removed'),
  )
    .addHelpText(
      'after',
      `
A deletion that is interrupted is finished by the same command.

Examples:
  $ pixlake runs delete men-shoes --older --dry-run
  $ pixlake runs delete men-shoes --older
  $ pixlake runs delete men-shoes`,
    )
    .action(async (name: string, options: Options) => {
      const { older: isOlderOnly = false, force: isForced = false, dryRun: isDryRun = false } = options;
      const lakehouse = await openLake(options);
      const report = await interruptible((signal) =>
        lakehouse.runs.delete({ name, isOlderOnly, isForced, isDryRun }, signal),
      );
      if (options.json) printJson(report);
      else printRemoval({ ...report, notRetriable: [] });
    });
}
