import { z } from 'zod';
import { LAYOUT_VERSION } from '../storage/lake-layout.ts';
import { parseSchema } from '../table/delta-schema.ts';
import { runSpecSchema } from './run-spec.ts';
import { STAGES } from './stages.ts';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/u);

const modelSchema = z.object({
  name: z.string(),
  sha256,
  isTrained: z.boolean(),
  /** Manifest columns that hold embeddings. */
  embeddings: z.array(z.string()),
});

const planSchema = z.object({
  /** SHA-256 over those of its parts. */
  sha256,
  /** Why the SQL may match other rows when it is run again; empty where the plan follows from SQL, snapshots and specification. */
  volatileBecause: z.array(z.string()),
  /** Rows of each part but the last. */
  partRowCount: z.int().min(1),
  parts: z.array(z.object({ rowCount: count, sizeBytes: count, sha256 })),
});

/** Schema of `spec.json`. */
export const executionSchema = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  runId: z.string(),
  /** When it was planned, in ms since 1970. */
  plannedMs: z.number(),
  run: runSpecSchema,
  /** Root of the lake that was read, where it is another than the one that the execution lies in. */
  sourceLake: z.string().optional(),
  /** Table whose originals are read, in SQL notation, and its version. */
  sourceTable: z.string(),
  sourceVersion: count,
  /** Versions of each table that the SQL reads, by its folder; several are separated by commas. */
  versions: z.record(z.string(), z.string()),
  model: modelSchema.optional(),
  /** Software that planned it, such as `pixlake/0.1.0`. */
  software: z.string(),
  planVersion: z.int(),
  pixelsVersion: z.int(),
  manifestVersion: z.int(),
  /** Rows that matched; each becomes `copies` images. */
  rowCount: z.int().min(1),
  /** Rows in each shard but the last. */
  shardSize: z.int().min(1),
  shardCount: z.int().min(1),
  plan: planSchema,
  /** Columns that the SQL returned and that pass into the manifest. */
  passedColumns: z.array(z.string()),
  /** Of a retry: its number, from 1 on, and which errors of the execution it does again; all by default. */
  retry: z
    .object({ number: z.int().min(1), stage: z.enum(STAGES).optional(), code: z.string().optional() })
    .optional(),
  /** Id of the earlier execution whose images are taken over where nothing that they depend on has changed. */
  takesOver: z.string().optional(),
  manifestSchema: z.unknown().transform((schema) => parseSchema(JSON.stringify(schema), 'the manifest')),
});

/** The model of an execution. */
export type ExecutionModel = Readonly<z.output<typeof modelSchema>>;

/** The parts of an execution's frozen list of rows, and the hashes of their bytes. */
export type Plan = Readonly<z.output<typeof planSchema>>;

/** One execution of a run as it was frozen before any work started: the contents of its `spec.json`. */
export type Execution = Readonly<z.output<typeof executionSchema>>;
