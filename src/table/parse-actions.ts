import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import type { DeltaAction } from './delta-actions.ts';
import { needsV2Checkpoint } from './features/v2-checkpoint.ts';

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

const action = z.object({
  add: optional(add),
  remove: optional(remove),
  metaData: optional(metaData),
  protocol: optional(protocol),
  txn: optional(z.object({ appId: z.string(), version: long, lastUpdated: optional(long) })),
  commitInfo: optional(z.looseObject({ timestamp: optional(long), inCommitTimestamp: optional(long) })),
});

/**
 * Checks an action of a log entry or checkpoint and returns the parts that pixlake knows. Others are ignored, as the protocol requires.
 *
 * @throws `TABLE_CORRUPT` naming `place`, `TABLE_FEATURE_UNSUPPORTED` for sidecars
 */
export function parseAction(json: unknown, place: string): DeltaAction {
  const parsed = action.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const message = `${place} has an invalid action: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
    throw new PixlakeError('TABLE_CORRUPT', message);
  }
  const { sidecar } = json as { sidecar?: unknown };
  if (sidecar !== undefined && sidecar !== null) throw needsV2Checkpoint(place);
  return parsed.data as DeltaAction;
}
