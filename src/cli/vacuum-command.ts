import type { Command } from 'commander';
import { PixlakeError } from '../errors.ts';
import type { Lakehouse } from '../lakehouse.ts';
import type { VacuumReport } from '../maintenance/vacuum-table.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatBytes, formatCount } from './progress-bar.ts';
import { print, printJson, shortPath } from './print.ts';
import { duration } from './option-values.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly retain?: number;
  readonly dryRun?: boolean;
  readonly runs?: boolean;
}

/** `pixlake vacuum`: removes files that are no longer needed. */
export function addVacuumCommand(program: Command): void {
  withLakeOptions(
    program
      .command('vacuum [table]')
      .summary('remove files that tables and runs no longer need')
      .description(
        'Removes data files that no version within the retention needs, older log entries before a checkpoint, and\ntemporary files of dead processes. Versions older than the retention can no longer be read, but what an\nunfinished run reads is kept. Files that no commit names are kept for at least a day, because a commit may be\nabout to name them. By default the table properties delta.deletedFileRetentionDuration (7 days) and\ndelta.logRetentionDuration (30 days) decide.\nFor a run (runs.<name>, or --runs for all runs) it removes unused files of finished executions that are at least\na day old.',
      )
      .option('--runs', 'sweep all runs')
      .option(
        '--retain <duration>',
        'how much history to keep (default: the properties of the table)',
        duration,
      )
      .option('--dry-run', 'only list the files'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake vacuum images --dry-run
  $ pixlake vacuum images --retain 30d
  $ pixlake vacuum runs.men-shoes
  $ pixlake vacuum --runs --dry-run`,
    )
    .action(async (table: string | undefined, options: Options) => {
      if ((options.runs ?? false) !== (table === undefined))
        throw new PixlakeError('ARGUMENT_INVALID', 'vacuum needs exactly one of: a table, a run, or --runs', {
          remedy: 'name a table, or a run as runs.<name>, or use --runs for all runs',
        });
      const lakehouse = await openLake(options);
      const report = await interruptible((signal) => vacuum(lakehouse, table, options, signal));
      if (options.json) return printJson(report);
      const { removedKeys, removedBytes, removedLogKeys, sweptCount } = report;
      if (options.dryRun)
        for (const key of [...removedKeys, ...removedLogKeys]) print(shortPath(lakehouse.uri, key));
      const entries = removedLogKeys.length === 0 ? '' : `, ${formatCount(removedLogKeys.length)} log files`;
      const noun = table === undefined || runNameOf(table) !== undefined ? 'files' : 'data files';
      const files = `${formatCount(removedKeys.length)} ${noun} (${formatBytes(removedBytes)})${entries}`;
      const swept = sweptCount === 0 ? '' : ` and ${formatCount(sweptCount)} leftovers of dead processes`;
      print(options.dryRun ? `would remove ${files}` : `removed ${files}${swept}`);
    });
}

async function vacuum(
  lakehouse: Lakehouse,
  table: string | undefined,
  { retain, dryRun: isDryRun = false }: Options,
  signal: AbortSignal,
): Promise<VacuumReport> {
  const options = { isDryRun, ...(retain === undefined ? {} : { retainMs: retain }) };
  if (table === undefined) return lakehouse.runs.vacuum(options, signal);
  const run = runNameOf(table);
  return run === undefined
    ? lakehouse.tables.vacuum({ table, ...options }, signal)
    : lakehouse.runs.vacuum({ name: run, ...options }, signal);
}

function runNameOf(table: string): string | undefined {
  return /^runs\.(?<name>.+)$/u.exec(table.replaceAll('"', ''))?.groups?.['name'];
}
