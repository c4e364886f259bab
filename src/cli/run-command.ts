import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type ErrorLimitSpec, parseErrorLimit } from '../error-limit.ts';
import { messageOf, PixlakeError } from '../errors.ts';
import { TRANSFORM_FIELDS } from '../image/transform.ts';
import { DEFAULT_MODEL } from '../model/built-in-models.ts';
import { DEVICES } from '../model/devices.ts';
import type { Execution } from '../run/execution-schema.ts';
import type { RunSpec } from '../run/run-spec.ts';
import { addTransformOptions } from './transform-options.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatCount } from './progress-bar.ts';
import { describeRun } from './describe-run.ts';
import { withProgress } from './run-progress.ts';
import { describeEstimate } from './describe-estimate.ts';
import { print, printJson } from './print.ts';
import { byteSize, errorLimit, nameList, wholeNumber } from './option-values.ts';

type TransformSpec = NonNullable<RunSpec['transform']>;

interface Options extends LakeOptions, Partial<Omit<RunSpec, 'transform'>>, TransformSpec {
  readonly spec?: string;
  readonly dryRun?: boolean;
  readonly full?: boolean;
  readonly maxErrors?: ErrorLimitSpec;
}

/** `pixlake run`: transforms and labels selected images into a new table. */
export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('transform and label selected images into a new table')
    .description(
      'Selects images with SQL, crops, resizes and labels them in worker threads, and writes new images with a\nParquet manifest to runs/<name>. After Ctrl-C or a crash, the same command resumes the run.',
    )
    .option('--sql <sql>', 'one SELECT that returns the ids of the images')
    .option('--name <name>', 'name of the run; its output is runs.<name> in SQL')
    .option('--spec <file>', 'read the specification from a JSON file; options override it')
    .option('--table <name>', 'table of the originals, if the SQL reads several tables')
    .option('--id-column <name>', 'id column of the SQL (default: id)')
    .option(
      '--crop-columns <left,top,width,height>',
      'columns of the SQL with the box to cut out, in pixels of the upright original, instead of a random crop; rounded outward, clipped to the image',
      nameList,
    )
    .option('--limit <n>', 'use the first n rows of the SQL', wholeNumber(1))
    .option('--sample <n>', 'use n random rows', wholeNumber(1))
    .option('--copies <n>', 'images written for each row (default: 1)', wholeNumber(1));
  addTransformOptions(command);
  command
    .option('--model <name|file.onnx>', `label the images with this model, such as ${DEFAULT_MODEL}`)
    .addOption(new Option('--device <device>', 'device of the model (default: cpu)').choices(DEVICES))
    .option('--seed <n>', 'seed of random numbers (default: 42)', wholeNumber(0))
    .option('--output <uri>', 'write to another lake: a folder or s3://bucket/prefix')
    .option('--max-pixels <n>', 'refuse images with more pixels (default: 268,402,689)', wholeNumber(1))
    .option(
      '--max-image-memory <size>',
      'refuse images that need more memory to decode (default: 1GB)',
      byteSize,
    )
    .option('--shard-size <n>', 'rows in a unit of work (default: 1000, fewer in small runs)', wholeNumber(1))
    .option('--workers <n>', 'worker threads (default: one per core)', wholeNumber(1))
    .option('--max-errors <n|%>', 'stop the run if more images fail (default: no limit)', errorLimit)
    .option('--full', 'make all images again, including those of earlier executions of this run')
    .option('--dry-run', 'print what would be done, and what it takes as measured on a few images');
  withLakeOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake run --name men-shoes --sql "SELECT * FROM images WHERE subCategory = 'Shoes'" --copies 2
  $ pixlake run --name labelled --sql "SELECT id FROM images" --sample 100 --model fashion-tiny
  $ pixlake run --spec run.json --dry-run`,
    )
    .action(async (options: Options) => {
      const spec = await toSpec(options);
      checkGiven(spec);
      const lakehouse = await openLake(options);
      if (options.dryRun) {
        const { execution, estimate } = await lakehouse.runs.estimate(spec);
        if (options.json) printJson({ ...execution, estimate });
        else print(...describePlan(execution), ...describeEstimate(estimate));
        return;
      }
      const report = await withProgress((hooks) =>
        lakehouse.run(spec, {
          ...hooks,
          isFull: options.full ?? false,
          ...(options.maxErrors === undefined ? {} : { maxErrors: parseErrorLimit(options.maxErrors) }),
        }),
      );
      if (options.json) printJson(report);
      else print(...describeRun(report, spec.output ?? lakehouse.uri));
    });
}

/** What nobody can leave out is asked for as it is typed. @throws `SPEC_INVALID` */
function checkGiven({ name, sql }: Partial<RunSpec>): void {
  const missing = [name === undefined && '--name', sql === undefined && '--sql'].filter(Boolean);
  if (missing.length === 0) return;
  throw new PixlakeError('SPEC_INVALID', `a run needs ${missing.join(' and ')}`, {
    remedy:
      'pixlake run --name men --sql "SELECT * FROM images WHERE gender = \'Men\'", or a file: pixlake run --spec run.json',
  });
}

async function toSpec(options: Options): Promise<RunSpec> {
  const {
    spec: file,
    dryRun: _dryRun,
    full: _full,
    maxErrors: _maxErrors,
    json: _json,
    workers: _workers,
    ...placed
  } = options;
  const { lake: _lake, endpointUrl: _url, region: _region, s3Reader: _reader, ...given } = placed;
  const isTransform = ([name]: readonly [string, unknown]): boolean => name in TRANSFORM_FIELDS;
  const entries = Object.entries(definedOf({ ...given }));
  const base = file === undefined ? {} : await readSpec(file);
  // The schema checks these values and explains errors.
  return {
    ...base,
    ...Object.fromEntries(entries.filter((entry) => !isTransform(entry))),
    transform: { ...base.transform, ...Object.fromEntries(entries.filter(isTransform)) },
  } as RunSpec;
}

async function readSpec(file: string): Promise<Partial<RunSpec>> {
  try {
    const spec: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec;
  } catch (error) {
    throw new PixlakeError('SPEC_INVALID', `cannot read run specification ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  throw new PixlakeError('SPEC_INVALID', `run specification ${file} is not a JSON object`);
}

function definedOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function describePlan(execution: Execution): string[] {
  const { run, rowCount, shardCount, sourceTable, sourceVersion, model, plan } = execution;
  return [
    `run ${run.name} (run_id=${execution.runId}), nothing written yet`,
    `${formatCount(rowCount)} rows of ${sourceTable} at version ${sourceVersion} x ${run.copies} ${run.copies === 1 ? 'copy' : 'copies'} = ${formatCount(rowCount * run.copies)} images in ${shardCount} shards`,
    `transform: ${JSON.stringify(run.transform)}`,
    ...(plan.volatileBecause.length === 0
      ? []
      : [`the SQL may match other rows the next time: ${plan.volatileBecause.join('; ')}`]),
    `model: ${model === undefined ? 'none' : `${model.name}${model.isTrained ? '' : ' (untrained)'}`}`,
  ];
}
