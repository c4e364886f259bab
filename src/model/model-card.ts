import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { valuesPerImage } from './value-counts.ts';

/** Names become folder names, columns become SQL identifiers. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u;
const COLUMN = /^[a-z][a-z0-9_]{0,49}$/iu;
/** Would give two columns the same name: `pred_<column>_score` of one output is `pred_<column>` of the other. */
const RESERVED_COLUMN = /_(?:score|scores|labels|all)$/iu;

const MAX_SIDE_PX = 4096;
const MAX_BATCH_SIZE = 1024;
const MAX_BATCH_BYTES = 1024 ** 3;
const MAX_LABEL_COUNT = 100_000;
const MAX_OUTPUT_COUNT = 64;
const DEFAULT_TOP_K = 5;
/** A wrong card can have an issue for every label, so only the first ones are reported. */
const MAX_REPORTED_ISSUES = 3;

const text = z.string().min(1).max(4000);
const channels = z.tuple([z.number(), z.number(), z.number()]).readonly();

const labels = z
  .union(
    [
      z.array(z.string().min(1).max(200)).min(1).max(MAX_LABEL_COUNT),
      z.strictObject({
        prefix: z.string().max(100),
        count: z.int().min(1).max(MAX_LABEL_COUNT, { abort: true }),
      }),
    ],
    `must be a list of 1 to ${MAX_LABEL_COUNT} non-empty strings, or { "prefix", "count" }`,
  )
  .transform((spec): readonly string[] => (Array.isArray(spec) ? spec : numberedLabels(spec)))
  .refine(isUnique, 'has a label twice');

const column = z
  .string()
  .regex(COLUMN, 'must be a letter, then letters, digits and _')
  .refine((name) => !RESERVED_COLUMN.test(name), 'must not end in _score, _scores, _labels or _all');

const labelOutput = z
  .strictObject({
    name: text,
    column,
    kind: z.enum(['sigmoid', 'softmax', 'logits']),
    labels,
    /** Maximum number of labels; by default 5, or all that reach the threshold. */
    topK: z.int().min(1).optional(),
    /** Minimum score of a label. */
    threshold: z.number().min(0).max(1).optional(),
    /** Whether to keep the scores of all labels too. */
    allScores: z.boolean().default(false),
  })
  .refine(({ topK, labels: list }) => topK === undefined || topK <= list.length, {
    path: ['topK'],
    error: 'is larger than the number of labels',
  })
  .transform(({ topK, threshold, ...rest }) => ({
    ...rest,
    topK:
      topK ?? (threshold === undefined ? Math.min(DEFAULT_TOP_K, rest.labels.length) : rest.labels.length),
    threshold: threshold ?? 0,
  }))
  .readonly();

const embeddingOutput = z
  .strictObject({
    name: text,
    column,
    kind: z.literal('embedding'),
    size: z.int().min(1).max(MAX_LABEL_COUNT),
  })
  .readonly();

const anyOutput = z.discriminatedUnion('kind', [labelOutput, embeddingOutput]);

const evaluation = z
  .looseObject({
    rows: z.int().min(1),
    accuracy: z.record(z.string(), z.number().min(0).max(1)),
  })
  .readonly();

const input = z
  .strictObject({
    name: text,
    width: z.int().min(1).max(MAX_SIDE_PX),
    height: z.int().min(1).max(MAX_SIDE_PX),
    layout: z.enum(['NCHW', 'NHWC']),
    colorOrder: z.enum(['RGB', 'BGR']),
    resize: z.enum(['fill', 'cover', 'contain']),
    mean: channels,
    std: channels.refine((std) => std.every((value) => value > 0), 'must be above 0'),
  })
  .readonly();

const modelCard = z
  .strictObject({
    name: z
      .string()
      .regex(NAME, 'must be up to 100 letters, digits, dots, - and _, and start with a letter or digit'),
    description: text,
    licence: text,
    source: text,
    trained: z.boolean(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/u, 'must be 64 lower case hexadecimal digits'),
    input,
    batchSize: z.int().min(1).max(MAX_BATCH_SIZE),
    outputs: z
      .array(anyOutput)
      .min(1)
      .max(MAX_OUTPUT_COUNT)
      .refine((outputs) => isUnique(outputs.map((one) => one.column.toLowerCase())), 'has a column twice')
      .refine((outputs) => isUnique(outputs.map(({ name }) => name)), 'has an output name twice')
      .readonly(),
    /** Accuracy on images that were not used for training; for readers. */
    evaluation: evaluation.optional(),
  })
  .refine((card) => card.batchSize * valuesPerImage(card.input) * 4 <= MAX_BATCH_BYTES, {
    path: ['batchSize'],
    error: 'makes a batch larger than 1 GiB',
  })
  .readonly();

/** A model card as in its JSON file. Labels may be a list, or a prefix with a count. */
export type ModelCardSpec = z.input<typeof modelCard>;

/** What a model is, what pixels it takes and what its outputs mean, with all labels listed. */
export type ModelCard = z.output<typeof modelCard>;

/**
 * The pixels a model takes: `width` x `height`, channels in `colorOrder`, each `(value / 255 - mean) / std`.
 * `mean` and `std` are in the order of `colorOrder`; `resize` says how images are resized to that size.
 */
export type ModelInput = ModelCard['input'];

/**
 * One ONNX output [N, labels] or [N, size] and its manifest columns. `kind` is its content: `sigmoid` and `softmax`
 * are scores from 0 to 1, `logits` get a softmax, an `embedding` is kept unchanged.
 */
export type ModelOutput = ModelCard['outputs'][number];

/** An output with a score for each label. */
export type LabelOutput = Extract<ModelOutput, { readonly labels: unknown }>;

/** Whether a string is a valid name of a model. Such names have no path separator and do not start with a dot. */
export function isModelName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Checks a model card; `source` is its path, for the message.
 * @throws MODEL_CARD_INVALID naming the path, the field and the reason.
 */
export function parseModelCard(json: unknown, source: string): ModelCard {
  const result = modelCard.safeParse(json);
  if (result.success) return result.data;
  const reasons = result.error.issues
    .slice(0, MAX_REPORTED_ISSUES)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  throw new PixlakeError('MODEL_CARD_INVALID', `model card ${source}: ${reasons.join('; ')}`);
}

/** `attr_0000` to `attr_0999` for a count of 1000: as many digits as the count has. */
function numberedLabels({ prefix, count }: { readonly prefix: string; readonly count: number }): string[] {
  const digits = String(count).length;
  return Array.from({ length: count }, (_, index) => prefix + String(index).padStart(digits, '0'));
}

function isUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
