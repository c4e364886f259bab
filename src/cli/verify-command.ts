import type { Command } from 'commander';
import { PixlakeError } from '../errors.ts';
import type { VerifyReport } from '../maintenance/verify-table.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatCount } from './progress-bar.ts';
import { print, printJson } from './print.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly deep?: boolean;
}

/** Number of printed problems per table; `--json` prints all. */
const SHOWN_PROBLEMS = 20;

/** `pixlake verify`: checks that tables are whole. */
export function addVerifyCommand(program: Command): void {
  withLakeOptions(
    program
      .command('verify [table]')
      .summary('check that tables are whole')
      .description(
        'Checks that every data file of a table, or of all tables, exists with the size and row count in the\nlog. The exit code is 5 if something is wrong.',
      )
      .option('--deep', 'also decode every row and compare every image with its sha256'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake verify
  $ pixlake verify images --deep
  $ pixlake verify runs.men-shoes --deep`,
    )
    .action(async (table: string | undefined, options: Options) => {
      const lakehouse = await openLake(options);
      const names = table === undefined ? (await lakehouse.tables.list()).map(({ name }) => name) : [table];
      const reports: VerifyReport[] = [];
      await interruptible(async (signal) => {
        for (const name of names) reports.push(await lakehouse.tables.verify(name, options.deep, signal));
      });
      if (options.json) printJson(reports);
      else print(...reports.flatMap(describeReport));
      const wrong = reports.filter(({ problems }) => problems.length > 0);
      if (wrong.length === 0) return;
      const count = wrong.reduce((sum, { problems }) => sum + problems.length, 0);
      throw new PixlakeError(
        'VERIFY_FAILED',
        `${count} problems in ${wrong.map((report) => report.table).join(', ')}`,
      );
    });
}

function describeReport({
  table,
  version,
  fileCount,
  rowCount,
  imageCount,
  problems,
}: VerifyReport): string[] {
  const images = imageCount === 0 ? '' : `, ${formatCount(imageCount)} images`;
  const found = problems.length === 0 ? 'whole' : `${problems.length} problems`;
  const hidden = problems.length - SHOWN_PROBLEMS;
  return [
    `${table} at version ${version}: ${fileCount} data files, ${formatCount(rowCount)} rows${images}: ${found}`,
    ...problems.slice(0, SHOWN_PROBLEMS).map(({ key, problem }) => `  ${key} ${problem}`),
    ...(hidden > 0 ? [`  and ${hidden} more (use --json to list all)`] : []),
  ];
}
