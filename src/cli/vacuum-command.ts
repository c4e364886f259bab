import type { Command } from 'commander';
import {
  duration,
  interruptible,
  type LakeOptions,
  openLake,
  print,
  printJson,
  shortPath,
  withLakeOptions,
} from './command-line.ts';
import { formatBytes, formatCount } from './progress-bar.ts';

interface Options extends LakeOptions {
  readonly retain?: number;
  readonly dryRun?: boolean;
}

/** `pixlake vacuum`: removes what no version needs any more. */
export function addVacuumCommand(program: Command): void {
  withLakeOptions(
    program
      .command('vacuum <table>')
      .summary('remove files that no version of a table needs any more')
      .description(
        'Removes data files that no version within the retention needs, log entries behind a checkpoint that are older,\nand temporary files of processes that died. Versions older than the retention can no longer be read, but what\nan unfinished run reads is kept. Files that no commit knows are kept for a day at least, since a commit may be\nabout to name them. By default the table properties delta.deletedFileRetentionDuration (7 days) and\ndelta.logRetentionDuration (30 days) decide.',
      )
      .option(
        '--retain <duration>',
        'keep what versions of this long ago need (default: what the table says)',
        duration,
      )
      .option('--dry-run', 'only list the files'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake vacuum images --dry-run
  $ pixlake vacuum images --retain 30d`,
    )
    .action(async (table: string, options: Options) => {
      const lakehouse = openLake(options);
      const spec = {
        table,
        isDryRun: options.dryRun ?? false,
        ...(options.retain === undefined ? {} : { retainMs: options.retain }),
      };
      const report = await interruptible((signal) => lakehouse.vacuum(spec, signal));
      if (options.json) return printJson(report);
      const { removedKeys, removedBytes, removedLogKeys, sweptCount } = report;
      if (options.dryRun)
        for (const key of [...removedKeys, ...removedLogKeys]) print(shortPath(lakehouse.uri, key));
      const entries = removedLogKeys.length === 0 ? '' : `, ${formatCount(removedLogKeys.length)} log files`;
      const files = `${formatCount(removedKeys.length)} data files (${formatBytes(removedBytes)})${entries}`;
      const swept = sweptCount === 0 ? '' : ` and ${formatCount(sweptCount)} leftovers of dead processes`;
      print(options.dryRun ? `would remove ${files}` : `removed ${files}${swept}`);
    });
}
