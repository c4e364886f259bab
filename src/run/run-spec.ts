import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../image/image-limits.ts';
import { TRANSFORM_FIELDS } from '../image/transform.ts';
import { DEVICES } from '../model/devices.ts';
import { checkName } from '../storage/lake-layout.ts';
import { canonicalJson } from './canonical-json.ts';
import { transformSchema } from './transform-schema.ts';

/** Options of the command line are flat, specifications are not. */
function explainUnknown({
  code,
  keys = [],
}: {
  code?: string;
  keys?: readonly string[];
}): string | undefined {
  if (code !== 'unrecognized_keys') return undefined;
  const names = keys.map((key) => JSON.stringify(key));
  const misplaced = names.filter((_, index) => (keys[index] ?? '') in TRANSFORM_FIELDS);
  const what = `${names.length === 1 ? 'unknown field' : 'unknown fields'} ${names.join(', ')}`;
  return misplaced.length === 0
    ? what
    : `${what}: in a specification, ${misplaced.join(', ')} ${misplaced.length === 1 ? 'is a field' : 'are fields'} of "transform"`;
}

const FIELDS = {
  /** Name of the run and its output: `runs.<name>` in SQL. */
  name: z.string(),
  /** One SELECT that returns the id column of the images to process. */
  sql: z.string(),
  /** Table of the originals; needed only if the SQL names several tables or none. */
  table: z.string().optional(),
  idColumn: z.string().min(1).default('id'),
  /** Columns of the SQL with the left, top, width and height of the box to cut out, in pixels of the upright original. */
  cropColumns: z
    .tuple([z.string().min(1), z.string().min(1), z.string().min(1), z.string().min(1)])
    .describe('columns of the SQL with the left, top, width and height of the box to cut out')
    .optional(),
  /** Uses the first rows of the SQL. */
  limit: z.int().min(1).optional(),
  /** Uses random rows, the same for the same seed. */
  sample: z.int().min(1).optional(),
  /** Images written for each row, each with its own random parameters. */
  copies: z.int().min(1).max(10_000).default(1),
  seed: z.int().min(0).max(0xff_ff_ff_ff).default(42),
  /** Rows in a shard, the unit of work that is resumed or retried as a whole; by default it depends on the number of rows. */
  shardSize: z.int().min(1).max(100_000).optional(),
  transform: transformSchema.prefault({}),
  /** Maximum number of pixels of an original. */
  maxPixels: z.int().min(1).default(DEFAULT_LIMITS.maxPixels),
  /** Maximum bytes of memory for decoding an original. */
  maxImageMemory: z.int().min(1).default(DEFAULT_LIMITS.maxImageMemory),
  /** Root of the target lake, if it is not the source lake. */
  output: z.string().min(1).optional(),
  /** Name of a model of the lake, or path of an `.onnx` file with its card next to it. */
  model: z.string().min(1).optional(),
  /** Device of the model; by default the CPU. */
  device: z.enum(DEVICES).optional(),
};

const runFields = z.strictObject(FIELDS, { error: explainUnknown });

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

/** Processing of single images without a run. */
export const processSpecSchema = runFields
  .pick({ seed: true, transform: true, device: true, maxPixels: true, maxImageMemory: true })
  .extend({
    /** Images made of each original. */
    copies: z.int().min(1).max(16).default(1),
    /** Name of a model of the lake. */
    model: z.string().min(1).optional(),
  });

/** Specification for single images, as users write it. */
export type ProcessSpec = z.input<typeof processSpecSchema>;

/** A run specification, as users write it. */
export type RunSpec = z.input<typeof runFields>;

/** A checked run specification with all defaults filled in. */
export type Run = Readonly<z.output<typeof runSpecSchema>>;

/**
 * Checks a run specification and fills in the defaults.
 *
 * @throws `SPEC_INVALID` naming each wrong field and the reason; `TABLE_NAME_INVALID`
 */
export function parseRunSpec(spec: unknown, source: string): Run {
  const run = parse(runSpecSchema, spec, source);
  checkName(run.name);
  return run;
}

/** Checks a specification for single images and fills in the defaults. @throws `SPEC_INVALID` */
export function parseProcessSpec(spec: ProcessSpec): z.output<typeof processSpecSchema> {
  return parse(processSpecSchema, spec, 'process');
}

function parse<Schema extends z.ZodType>(schema: Schema, spec: unknown, source: string): z.output<Schema> {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'spec'}: ${issue.message}`);
  const isPercent = parsed.error.issues.some(
    (issue) => issue.code === 'too_big' && issue.path[0] === 'transform' && Number(issue.maximum) <= 1,
  );
  throw new PixlakeError(
    'SPEC_INVALID',
    `${source}: ${problems.join('; ')}`,
    isPercent ? { remedy: 'shares and probabilities are parts of 1: 20 % is 0.2' } : {},
  );
}

/** What the results of a run depend on, besides its specification. */
export interface RunInputs {
  /** Version of each table the SQL reads, by its folder. */
  readonly versions: Readonly<Record<string, string>>;
  readonly modelSha256: string | undefined;
  /** Versions of the rules for planning rows, making pixels and writing manifests. */
  readonly planVersion: number;
  readonly pixelsVersion: number;
  readonly manifestVersion: number;
}

/** Id of an execution: 16 hex digits of a SHA-256 over everything that its pixels depend on, which excludes its name. */
export function toRunId(run: Run, inputs: RunInputs): string {
  const { name: _name, ...content } = withoutDefaults(run);
  return createHash('sha256').update(canonicalJson({ content, inputs })).digest('hex').slice(0, 16);
}

/** Whether two specifications mean the same, independent of the order of fields and of options that did not exist when one was written. */
export function isSameRun(a: Run, b: Run): boolean {
  return canonicalJson(withoutDefaults(a)) === canonicalJson(withoutDefaults(b));
}

/** Drops fields with their default value, so a new option does not change runs that do not use it. */
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
