import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, PixlakeError } from '../errors.ts';
import type { RunStatus } from '../run/inspect-runs.ts';
import type { RetryFilter } from '../run/plan-retry.ts';
import { STAGES } from '../run/stages.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatCount } from './progress-bar.ts';
import { describeRun } from './describe-run.ts';
import { addRunsDeleteCommand } from './runs-delete-command.ts';
import { print, printJson } from './print.ts';
import { wholeNumber } from './option-values.ts';
import { withProgress } from './run-progress.ts';

/** `pixlake runs …`: manages runs. */
export function addRunsCommand(program: Command): void {
  const runs = program
    .command('runs')
    .summary('list, inspect, resume, cancel and delete runs')
    .description('Manages runs.');

  withLakeOptions(runs.command('list').description('List all runs.')).action(async (options: LakeOptions) => {
    const listing = await (await openLake(options)).runs.list();
    const { runs: statuses, unreadable } = listing;
    if (options.json) return printJson(listing);
    if (statuses.length + unreadable.length === 0) return print('no runs yet');
    print(...statuses.map(describeStatus));
    for (const { message, code, remedy } of unreadable)
      print(`${message} [${code}]${remedy === undefined ? '' : `; ${remedy}`}`);
  });

  withLakeOptions(
    runs.command('show <name>').description('Show the specification and state of a run.'),
  ).action(async (name: string, options: LakeOptions) => {
    const status = await (await openLake(options)).runs.show(name);
    if (options.json) return printJson(status);
    print(describeStatus(status), `folder: ${status.folder}`, JSON.stringify(status.execution.run, null, 2));
  });

  withLakeOptions(runs.command('errors <name>').description('Show why images of a run were not written.'))
    .option('--limit <n>', 'maximum number of errors', wholeNumber(1), 100)
    .action(async (name: string, options: LakeOptions & { limit: number }) => {
      const errors = await (await openLake(options)).runs.errors(name, options.limit);
      if (options.json) printJson(errors);
      else if (errors.length === 0) print('no errors');
      else
        print(
          ...errors.map(
            (error) =>
              `${error.id} copy ${error.copy}: ${error.code} while ${VERBS[error.stage] ?? error.stage}: ${error.message}`,
          ),
        );
    });

  withLakeOptions(runs.command('resume <name>').description('Resume an interrupted or cancelled run.'))
    .option('--workers <n>', 'worker threads (default: one per core)', wholeNumber(1))
    .action(async (name: string, options: LakeOptions) => {
      const lakehouse = await openLake(options);
      const report = await withProgress((hooks) => lakehouse.runs.resume(name, hooks));
      if (options.json) printJson(report);
      else print(...describeRun(report, lakehouse.uri));
    });

  withLakeOptions(
    runs
      .command('retry <name>')
      .description('Retry the failed images of a finished run.')
      .addOption(
        new Option(
          '--stage <stage>',
          'only images that failed when they were read, transformed or labelled',
        ).choices(STAGES),
      )
      .option('--code <code>', 'only images that failed with this code, such as OBJECT_NOT_FOUND'),
  )
    .option('--workers <n>', 'worker threads (default: one per core)', wholeNumber(1))
    .addHelpText(
      'after',
      `
Written images stay, and the manifest gets a new version. runs."<name>"@v0 is the first result.

Examples:
  $ pixlake runs retry men-shoes
  $ pixlake runs retry men-shoes --code OBJECT_NOT_FOUND`,
    )
    .action(async (name: string, options: LakeOptions & RetryFilter) => {
      const lakehouse = await openLake(options);
      const { stage, code } = options;
      const filter = { ...(stage === undefined ? {} : { stage }), ...(code === undefined ? {} : { code }) };
      const report = await withProgress((hooks) => lakehouse.runs.retry(name, filter, hooks));
      if (options.json) printJson(report);
      else if (report.number === undefined) print('no image failed in that way; nothing to do');
      else
        print(
          `retry ${report.number}: ${formatCount(report.retriedCount)} images = ${formatCount(report.imageCount)} written + ${formatCount(report.errorCount)} failed again`,
        );
    });

  withLakeOptions(
    runs.command('cancel <name>').description('Ask a run to stop, in whatever process it runs.'),
  ).action(async (name: string, options: LakeOptions) => {
    const status = await (await openLake(options)).runs.cancel(name);
    if (options.json) printJson(status);
    else print(`run ${name} is cancelled; \`pixlake runs resume ${name}\` resumes it`);
  });

  addRunsDeleteCommand(runs);

  withLakeOptions(runs.command('sheet <name>').description('Draw originals next to results as a PNG.'))
    .requiredOption('--output <file.png>', 'file to write')
    .option('--limit <n>', 'originals to show', wholeNumber(1), 12)
    .action(async (name: string, options: LakeOptions & { output: string; limit: number }) => {
      const png = await (await openLake(options)).runs.drawSheet(name, options.limit);
      try {
        await writeFile(options.output, png);
      } catch (error) {
        throw new PixlakeError('OUTPUT_FAILED', `cannot write ${options.output}: ${messageOf(error)}`, {
          cause: error,
        });
      }
      if (options.json) printJson({ output: options.output });
      else print(`wrote ${options.output}`);
    });
}

/** What was done to an image, by stage. */
const VERBS: Readonly<Record<string, string>> = {
  read: 'reading',
  transform: 'transforming',
  infer: 'labelling',
};

function describeStatus(status: RunStatus): string {
  const { run, runId, rowCount, shardCount, model } = status.execution;
  const images = `${formatCount(status.imageCount)} of ${formatCount(rowCount * run.copies)} images`;
  const untrained = model === undefined || model.isTrained ? '' : ', model untrained';
  return `${run.name}  ${status.state}  ${images}, ${status.errorCount} failed, ${status.finishedShardCount} of ${shardCount} shards${untrained}  run_id=${runId}`;
}
