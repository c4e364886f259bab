import { sha256Of } from '../storage/hash-file.ts';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import type { DeltaAction } from './delta-actions.ts';

/** A field that other writers may omit or set to null. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

const texts = z.record(z.string(), z.string());
const partitionValues = z.record(z.string(), z.string().nullable());

/** Delta's type long; checkpoints give bigint. */
const long = z.union([z.number(), z.bigint()]).transform(Number);

const NO_COLUMNS = JSON.stringify({ type: 'struct', fields: [] });

const deletionVector = optional(
  z.object({
    storageType: z.string(),
    pathOrInlineDv: optional(z.string()),
    offset: optional(long),
    sizeInBytes: optional(long),
    cardinality: optional(long),
  }),
);

const add = z.object({
  path: z.string().min(1),
  partitionValues: optional(partitionValues).transform((values) => values ?? {}),
  size: long,
  modificationTime: optional(long).transform((value) => value ?? 0),
  dataChange: optional(z.boolean()).transform((value) => value ?? true),
  stats: optional(z.string()),
  tags: optional(z.record(z.string(), z.string().nullable())),
  deletionVector,
});

const remove = z.object({
  path: z.string().min(1),
  deletionTimestamp: optional(long),
  dataChange: optional(z.boolean()).transform((value) => value ?? true),
  extendedFileMetadata: optional(z.boolean()),
  partitionValues: optional(partitionValues),
  size: optional(long),
  deletionVector,
});

const metaData = z.object({
  id: z.string(),
  name: optional(z.string()),
  description: optional(z.string()),
  format: optional(
    z.object({ provider: z.string(), options: optional(texts).transform((value) => value ?? {}) }),
  ).transform((value) => value ?? { provider: 'parquet', options: {} }),
  // Delta Live Tables creates tables before it knows their columns.
  schemaString: optional(z.string()).transform((value) => value ?? NO_COLUMNS),
  partitionColumns: optional(z.array(z.string())).transform((value) => value ?? []),
  configuration: optional(z.record(z.string(), z.string().nullable())).transform((value) =>
    Object.fromEntries(Object.entries(value ?? {}).map(([name, text]) => [name, text ?? ''])),
  ),
  createdTime: optional(long),
});

const protocol = z.object({
  minReaderVersion: long,
  minWriterVersion: long,
  readerFeatures: optional(z.array(z.string())),
  writerFeatures: optional(z.array(z.string())),
});

const actionSchema = z.object({
  add: optional(add),
  remove: optional(remove),
  metaData: optional(metaData),
  protocol: optional(protocol),
  txn: optional(z.object({ appId: z.string(), version: long, lastUpdated: optional(long) })),
  commitInfo: optional(z.looseObject({ timestamp: optional(long), inCommitTimestamp: optional(long) })),
  sidecar: optional(z.unknown()),
});

/**
 * Checks an action of a log entry or checkpoint and returns the parts that pixlake knows. Others are ignored, as the protocol requires.
 *
 * @throws `TABLE_CORRUPT` naming `place`
 */
export function parseAction(json: unknown, place: string): DeltaAction {
  const parsed = actionSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const message = `${place} has an invalid action: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
    throw new PixlakeError('TABLE_CORRUPT', message);
  }
  return parsed.data as DeltaAction;
}

/** Encodes a log entry. Its first action describes the commit and gets the SHA-256 of the following lines, so a flipped bit in them is detected. */
export function encodeLogEntry([first, ...others]: readonly DeltaAction[]): Buffer {
  const lines = Buffer.from(others.map((action) => `${JSON.stringify(action)}\n`).join(''));
  const commitInfo = { ...first?.commitInfo, actionsSha256: sha256Of(lines) };
  return Buffer.concat([Buffer.from(`${JSON.stringify({ commitInfo })}\n`), lines]);
}

/**
 * Parses a log entry: one JSON object a line. Entries of other writers, and of older versions, have no checksum.
 *
 * @throws `TABLE_CORRUPT`
 */
export function parseLogEntry(bytes: Buffer, place: string): DeltaAction[] {
  const actions = parseLogLines(bytes.toString('utf8').split('\n'), place);
  const sha256 = actions[0]?.commitInfo?.actionsSha256;
  if (sha256 !== undefined && sha256 !== sha256Of(bytes.subarray(bytes.indexOf('\n') + 1)))
    throw new PixlakeError('TABLE_CORRUPT', `${place} does not match the checksum with which it was written`);
  return actions;
}

/** Parses some lines of a log entry. @throws `TABLE_CORRUPT` */
export function parseLogLines(lines: readonly string[], place: string): DeltaAction[] {
  const actions: DeltaAction[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (error) {
      const message = `${place} has a line that is not JSON: ${messageOf(error)}`;
      throw new PixlakeError('TABLE_CORRUPT', message, { cause: error });
    }
    actions.push(parseAction(json, place));
  }
  return actions;
}
