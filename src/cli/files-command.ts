import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { print, printJson } from './print.ts';

interface FilesOptions extends LakeOptions {
  readonly at?: string;
  readonly sql?: boolean;
}

/** `pixlake files`: the Parquet files of a table, for other readers. */
export function addFilesCommand(program: Command): void {
  const command = program
    .command('files <table>')
    .summary('list the Parquet files of a table for other readers')
    .description(
      'Lists the Parquet files of one version of a table, or of a run as runs.<name>. The folder of a table also has files of\nother versions, so readers that do not support Delta tables need this list.',
    )
    .option('--at <version|time>', 'version or ISO 8601 time (UTC if it has no zone)')
    .option('--sql', 'print a SELECT for DuckDB over these files instead');
  withLakeOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake files images
  $ duckdb -c "$(pixlake files runs.shoes --sql) LIMIT 5"
  $ pixlake files images --at 3 --json`,
    )
    .action(async (table: string, { at, sql, ...options }: FilesOptions) => {
      const found = await (await openLake(options)).tables.files(table, at);
      if (options.json) printJson(found);
      else if (sql) print(found.sql);
      else if (found.files.length > 0) print(...found.files.map(({ uri }) => uri));
    });
}
