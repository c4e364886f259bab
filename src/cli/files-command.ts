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
      'Lists the Parquet files that are a version of a table, or of a run as runs.<name>. A folder of a table also holds files of\nother versions, so that readers that know nothing of Delta tables need this list.',
    )
    .option('--at <version|time>', 'as of a version or an ISO 8601 time (UTC without zone)')
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
