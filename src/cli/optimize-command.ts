import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatBytes } from './progress-bar.ts';
import { print, printJson } from './print.ts';
import { byteSize, nameList } from './option-values.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly targetSize?: number;
  readonly sortBy?: string[];
}

/** `pixlake optimize`: compacts small data files. */
export function addOptimizeCommand(program: Command): void {
  withLakeOptions(
    program
      .command('optimize <table>')
      .summary('compact the small data files of a table')
      .description(
        'Compacts the small data files of each partition into larger, sorted ones. The rows stay the same.',
      )
      .option('--target-size <size>', 'target size of data files (default: 128MB)', byteSize)
      .option('--sort-by <columns>', 'rewrite all files, sorted by these comma-separated columns', nameList),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake optimize images
  $ pixlake optimize images --sort-by year,id --target-size 64MB`,
    )
    .action(async (table: string, options: Options) => {
      const { targetSize, sortBy } = options;
      const spec = {
        table,
        ...(targetSize === undefined ? {} : { targetBytes: targetSize }),
        ...(sortBy === undefined ? {} : { sortBy }),
      };
      const report = await interruptible(async (signal) =>
        (await openLake(options)).tables.optimize(spec, signal),
      );
      if (options.json) return printJson(report);
      print(
        report.isCommitted
          ? `${report.removedFileCount} data files (${formatBytes(report.removedBytes)}) became ${report.addedFileCount} (${formatBytes(report.addedBytes)}); table ${table} is at version ${report.version}`
          : `nothing to compact; table ${table} stays at version ${report.version}`,
      );
    });
}
