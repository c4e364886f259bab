import { z } from 'zod';
import { LAYOUT_VERSION } from '../storage/lake-layout.ts';
import { parseSchema } from '../table/delta-schema.ts';
import { runSpecSchema } from './run-spec.ts';
import { STAGES } from './stages.ts';
import { timeMs } from './time-ms.ts';

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
  /** SHA-256 over the hashes of its parts. */
  sha256,
  /** Why the SQL may match other rows when it runs again; empty if SQL, snapshots and specification determine the plan. */
  volatileBecause: z.array(z.string()),
  /** Rows of each part except the last. */
  partRowCount: z.int().min(1),
  parts: z.array(z.object({ rowCount: count, sizeBytes: count, sha256 })),
});

/** Schema of `spec.json`. */
export const executionSchema = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  runId: z.string(),
  /** Time of planning, in ms since 1970. */
  plannedMs: timeMs,
  run: runSpecSchema,
  /** Root of the source lake, if the execution lies in another lake. */
  sourceLake: z.string().optional(),
  /** Table of the originals, in SQL notation, and its version. */
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
  /** Number of matched rows; each becomes `copies` images. */
  rowCount: z.int().min(1),
  /** Rows in each shard except the last. */
  shardSize: z.int().min(1),
  shardCount: z.int().min(1),
  plan: planSchema,
  /** Columns of the SQL that become columns of the manifest. */
  passedColumns: z.array(z.string()),
  /** For a retry: its number, from 1, and which errors of the execution it retries; all by default. */
  retry: z
    .object({ number: z.int().min(1), stage: z.enum(STAGES).optional(), code: z.string().optional() })
    .optional(),
  /** Id of the earlier execution whose images are taken over if nothing that they depend on has changed. */
  takesOver: z.string().optional(),
  manifestSchema: z.unknown().transform((schema) => parseSchema(JSON.stringify(schema), 'the manifest')),
});

/** The model of an execution. */
export type ExecutionModel = Readonly<z.output<typeof modelSchema>>;

/** The parts of an execution's frozen list of rows, and the hashes of their bytes. */
export type Plan = Readonly<z.output<typeof planSchema>>;

/** One execution of a run, frozen before any work started: the contents of its `spec.json`. */
export type Execution = Readonly<z.output<typeof executionSchema>>;
