import type { Command } from 'commander';
import type { TableVersion } from '../table/table-history.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { print, printJson } from './print.ts';
import { wholeNumber } from './option-values.ts';

/** `pixlake history` and `pixlake restore`: the versions of a table. */
export function addHistoryCommands(program: Command): void {
  withLakeOptions(
    program
      .command('history <table>')
      .summary('list the versions of a table')
      .description(
        'Lists the commits of a table, of a run (runs.<name>) or of an attached table, newest first.',
      )
      .option('--limit <n>', 'maximum number of versions', wholeNumber(1)),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake history images
  $ pixlake query "SELECT count(*) FROM images@v3"`,
    )
    .action(async (table: string, options: LakeOptions & { limit?: number }) => {
      const history = await (await openLake(options)).tables.history(table, options.limit);
      if (options.json) printJson(history);
      else print(...history.map(describeVersion));
    });
  withLakeOptions(
    program
      .command('restore <table>')
      .summary('restore a table to an earlier version')
      .description(
        'Restores a table to an earlier version or time with a new commit. The versions in between stay readable.',
      )
      .requiredOption('--to <version|time>', 'version, or ISO 8601 time (UTC if it has no zone)'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake restore images --to 3
  $ pixlake restore images --to 2026-01-31T12:00:00Z`,
    )
    .action(async (table: string, options: LakeOptions & { to: string }) => {
      const report = await (await openLake(options)).tables.restore(table, options.to);
      if (options.json) return printJson(report);
      const { restoredVersion, version, addedFileCount, removedFileCount } = report;
      print(
        report.isCommitted
          ? `table ${table} is at version ${version}, which equals version ${restoredVersion}: ${addedFileCount} data files added, ${removedFileCount} removed`
          : `nothing to do: table ${table} already equals version ${restoredVersion}`,
      );
    });
}

function describeVersion({ version, timestamp, operation, metrics, software }: TableVersion): string {
  const numbers = Object.entries(metrics).map(([name, value]) => `${name} ${String(value)}`);
  return [`v${version}`.padEnd(6), timestamp, operation.padEnd(12), software ?? '', numbers.join(', ')]
    .join('  ')
    .trimEnd();
}
