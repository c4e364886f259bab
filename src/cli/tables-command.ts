import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatBytes, formatCount } from './progress-bar.ts';
import { printRemoval } from './removal-report.ts';
import { print, printJson } from './print.ts';
import { interruptible } from './interruptible.ts';

/** `pixlake tables`: lists and drops tables. */
export function addTablesCommand(program: Command): void {
  const group = program
    .command('tables')
    .summary('list and drop tables')
    .description('Lists the tables that SQL can read, and drops tables.');

  withLakeOptions(
    group
      .command('list', { isDefault: true })
      .description('List the tables and outputs of runs that SQL can read.'),
  ).action(async (options: LakeOptions) => {
    const tables = await (await openLake(options)).tables.list();
    if (options.json) return printJson(tables);
    if (tables.length === 0) return print('no tables yet');
    const lines = tables.map((table) => {
      const partitions =
        table.partitionColumns.length === 0 ? '' : `, partitioned by ${table.partitionColumns.join(', ')}`;
      const rows = table.rowCount === undefined ? '' : `${formatCount(table.rowCount)} rows in `;
      const attached = table.isAttached ? ', attached' : '';
      return `${table.name}  version ${table.version}, ${rows}${table.fileCount} files, ${formatBytes(table.sizeBytes)}${partitions}${attached}`;
    });
    print(...lines);
  });

  withLakeOptions(
    group
      .command('drop <table>')
      .description(
        'Remove a table with all of its versions, and its originals except those that other tables refer to.\nA table that an unfinished run reads is not dropped. Use `pixlake detach` for attached tables.',
      )
      .option('--dry-run', 'only print what would be removed'),
  )
    .addHelpText(
      'after',
      `
A drop that is interrupted is finished by the same command.

Examples:
  $ pixlake tables drop images --dry-run
  $ pixlake tables drop images`,
    )
    .action(async (table: string, options: LakeOptions & { dryRun?: boolean }) => {
      const lakehouse = await openLake(options);
      const spec = { table, isDryRun: options.dryRun ?? false };
      const report = await interruptible((signal) => lakehouse.tables.drop(spec, signal));
      if (options.json) printJson(report);
      else printRemoval(report);
    });
}
