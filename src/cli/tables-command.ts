import type { Command } from 'commander';
import { type LakeOptions, openLake, print, printJson, withLakeOptions } from './command-line.ts';
import { formatBytes, formatCount } from './progress-bar.ts';

/** `pixlake tables`: lists what can be queried. */
export function addTablesCommand(program: Command): void {
  withLakeOptions(
    program.command('tables').description('List the tables and outputs of runs that SQL can read.'),
  ).action(async (options: LakeOptions) => {
    const tables = await openLake(options).listTables();
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
}
