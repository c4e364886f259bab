import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../image/image-limits.ts';
import { DEVICES } from '../model/devices.ts';
import { checkName } from '../storage/lake-layout.ts';
import { canonicalJson } from './canonical-json.ts';
import { transformSchema } from './transform-schema.ts';

const runFields = z.strictObject({
  /** Names the run and its output: `runs.<name>` in SQL. */
  name: z.string(),
  /** One SELECT that returns the id column of the images to process. */
  sql: z.string(),
  /** Table that holds the originals; needed only where the SQL names several or none. */
  table: z.string().optional(),
  idColumn: z.string().min(1).default('id'),
  /** Columns of the SQL with the left, top, width and height of the box to cut out, in pixels of the upright original. */
  cropColumns: z
    .tuple([z.string().min(1), z.string().min(1), z.string().min(1), z.string().min(1)])
    .describe('columns of the SQL with the left, top, width and height of the box to cut out')
    .optional(),
  /** Takes the first rows of the SQL. */
  limit: z.int().min(1).optional(),
  /** Takes that many rows at random, the same for the same seed. */
  sample: z.int().min(1).optional(),
  /** Images written for each row, each with draws of its own. */
  copies: z.int().min(1).max(10_000).default(1),
  seed: z.int().min(0).max(0xff_ff_ff_ff).default(42),
  /** Rows in a shard, the unit of work that is resumed or retried as a whole; by default it follows from the number of rows. */
  shardSize: z.int().min(1).max(100_000).optional(),
  transform: transformSchema.prefault({}),
  /** Most pixels of an original. */
  maxPixels: z.int().min(1).default(DEFAULT_LIMITS.maxPixels),
  /** Most bytes of memory that decoding an original may take. */
  maxImageMemory: z.int().min(1).default(DEFAULT_LIMITS.maxImageMemory),
  /** Root of the lake that takes what is written, if it is another than the one that is read. */
  output: z.string().min(1).optional(),
  /** Name of a model of the lake, or path of an `.onnx` file with its card beside it. */
  model: z.string().min(1).optional(),
  /** Where the model runs: the CPU, unless another device is named. */
  device: z.enum(DEVICES).optional(),
});

/** The one schema of a run specification: for the CLI's options, for spec files and for REST. Boxes of the SQL take the place of random ones. */
export const runSpecSchema = z.preprocess(
  leaveOutCrop,
  runFields.refine(
    ({ cropColumns, transform: { crop, aspectScale, aspectRatio } }) =>
      cropColumns === undefined || (crop === 0 && aspectScale === null && aspectRatio === null),
    {
      path: ['cropColumns'],
      error: 'takes the place of crop, aspectScale and aspectRatio, so they cannot be given with it',
    },
  ),
);

/** The random crop has a default, which is not meant where the SQL gives the box. */
function leaveOutCrop(spec: unknown): unknown {
  if (!isRecord(spec) || spec['cropColumns'] === undefined) return spec;
  const { transform = {} } = spec;
  return isRecord(transform) ? { ...spec, transform: { crop: 0, ...transform } } : spec;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is done to single images that are not worth a run. */
export const processSpecSchema = runFields
  .pick({ seed: true, transform: true, device: true, maxPixels: true, maxImageMemory: true })
  .extend({
    /** Images made of each original. */
    copies: z.int().min(1).max(16).default(1),
    /** Name of a model of the lake. */
    model: z.string().min(1).optional(),
  });

/** What is to be done to single images, as a user gives it. */
export type ProcessSpec = z.input<typeof processSpecSchema>;

/** A run specification as a user gives it. */
export type RunSpec = z.input<typeof runFields>;

/** A checked run specification with all defaults filled in. */
export type Run = Readonly<z.output<typeof runSpecSchema>>;

/**
 * Checks a run specification and fills in the defaults.
 *
 * @throws `SPEC_INVALID` naming each field and what is wrong with it; `TABLE_NAME_INVALID`
 */
export function parseRunSpec(spec: unknown, source: string): Run {
  const run = parse(runSpecSchema, spec, source);
  checkName(run.name);
  return run;
}

/** Checks what is to be done to single images and fills in the defaults. @throws `SPEC_INVALID` */
export function parseProcessSpec(spec: ProcessSpec): z.output<typeof processSpecSchema> {
  return parse(processSpecSchema, spec, 'process');
}

function parse<Schema extends z.ZodType>(schema: Schema, spec: unknown, source: string): z.output<Schema> {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'spec'}: ${issue.message}`);
  throw new PixlakeError('SPEC_INVALID', `${source}: ${problems.join('; ')}`);
}

/** What a run's results depend on besides its specification. */
export interface RunInputs {
  /** Version of each table the SQL reads, by its folder. */
  readonly versions: Readonly<Record<string, string>>;
  readonly modelSha256: string | undefined;
  /** Versions of the rules by which rows are planned, pixels are made, and manifests are written. */
  readonly planVersion: number;
  readonly pixelsVersion: number;
  readonly manifestVersion: number;
}

/** Identifies an execution: 16 hex digits of SHA-256 over what its pixels depend on, so not over its name. */
export function toRunId(run: Run, inputs: RunInputs): string {
  const { name: _name, ...content } = withoutDefaults(run);
  return createHash('sha256').update(canonicalJson({ content, inputs })).digest('hex').slice(0, 16);
}

/** Whether two runs ask for the same, whatever the order of their fields and whichever options were not known when one was written. */
export function isSameRun(a: Run, b: Run): boolean {
  return canonicalJson(withoutDefaults(a)) === canonicalJson(withoutDefaults(b));
}

/** Leaves out the fields that equal their default: an option that a newer pixlake adds changes no run that does not use it. */
function withoutDefaults({ transform, ...run }: Run): Record<string, unknown> {
  const { transform: defaultTransform, ...defaults } = runSpecSchema.parse({ name: '', sql: '' });
  return {
    ...differencesOf(run, defaults),
    transform: differencesOf(transform, defaultTransform),
    name: run.name,
    sql: run.sql,
  };
}

function differencesOf(
  fields: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isDefault = (name: string, value: unknown): boolean =>
    canonicalJson(value) === canonicalJson(defaults[name]);
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => !isDefault(name, value)));
}
