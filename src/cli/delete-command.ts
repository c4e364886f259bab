import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatCount } from './progress-bar.ts';
import { print, printJson } from './print.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly where: string;
  readonly dryRun?: boolean;
}

/** `pixlake delete`: deletes rows of a table. */
export function addDeleteCommand(program: Command): void {
  withLakeOptions(
    program
      .command('delete <table>')
      .summary('delete rows of a table')
      .description(
        'Deletes the rows for which an SQL condition is true. They stay in older versions until `pixlake vacuum`.\nTheir originals stay in the lake.',
      )
      .requiredOption('--where <condition>', 'SQL condition on the columns of the table')
      .option('--dry-run', 'only count the rows'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake delete images --where "image_status <> 'ok'" --dry-run
  $ pixlake delete images --where "year < 2010 AND gender = 'Boys'"`,
    )
    .action(async (table: string, options: Options) => {
      const report = await interruptible(async (signal) =>
        (await openLake(options)).tables.delete(
          { table, where: options.where, isDryRun: options.dryRun ?? false },
          signal,
        ),
      );
      if (options.json) return printJson(report);
      const rows = `${formatCount(report.deletedCount)} rows in ${report.removedFileCount} data files`;
      if (report.isCommitted) print(`deleted ${rows}; table ${table} is at version ${report.version}`);
      else if (options.dryRun) print(`would delete ${rows}`);
      else print(`no row matches; table ${table} stays at version ${report.version}`);
    });
}
