import type { Command } from 'commander';
import type { IngestSpec } from '../ingest/ingest-spec.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { startProgressBar } from './progress-bar.ts';
import { describeIngest } from './describe-ingest.ts';
import { print, printJson } from './print.ts';
import { byteSize, errorLimit, nameList, wholeNumber } from './option-values.ts';
import { interruptible } from './interruptible.ts';

type Options = LakeOptions & Omit<IngestSpec, 'source'>;

/** `pixlake ingest`: ingests a catalogue into a table. */
export function addIngestCommand(program: Command): void {
  const command = program
    .command('ingest <source>')
    .summary('ingest a CSV file and its images into a table')
    .description(
      'Ingests a catalogue into a table. <source> is a folder with a CSV file and images/, or the CSV file.\nThe images are copied unchanged. Ingesting again adds only what is new or changed. New columns\nof the CSV file are added to the table.',
    )
    .option(
      '--images <folder|tar>',
      'folder or tar archive of the images (default: images or images.tar next to the CSV file)',
    )
    .option('--table <name>', 'table to ingest into', 'images')
    .option('--partition-by <columns>', 'comma-separated columns to partition a new table by', nameList)
    .option('--schema <fashion|infer|file>', 'schema of the CSV file (default: recognised by its header)')
    .option('--id-column <name>', 'column that identifies a row (default: id)')
    .option('--image-column <name>', 'column with the names of the image files (default: <id>.<ending>)')
    .option(
      '--max-errors <n|%>',
      'fail without a commit if more rows are rejected, lack an image or have a broken one\n(default: no limit)',
      errorLimit,
    )
    .option('--max-pixels <n>', 'refuse images with more pixels (default: 268,402,689)', wholeNumber(1))
    .option(
      '--max-image-memory <size>',
      'refuse images that need more memory to decode (default: 1GB)',
      byteSize,
    );
  withLakeOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake ingest catalogue
  $ pixlake ingest styles.csv --images images.tar --partition-by gender,season
  $ pixlake ingest catalogue --max-errors 1%
  $ pixlake ingest photos.csv --id-column photo --image-column file --table photos`,
    )
    .action(async (source: string, options: Options) => {
      const { lake: _lake, json, workers: _workers, ...spec } = options;
      const lakehouse = await openLake(options);
      const report = await interruptible(async (signal) => {
        using bar = startProgressBar('ingest', '');
        return lakehouse.ingest(
          { source, ...spec },
          {
            signal,
            onProgress: ({ phase, doneCount, totalCount }) => bar.update(doneCount, totalCount, phase),
          },
        );
      });
      if (json) printJson(report);
      else print(...describeIngest(report, lakehouse.uri));
    });
}
