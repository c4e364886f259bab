import { z } from 'zod';
import { hidePaths } from './problem.ts';
import { RUN_STATES } from '../run/standing.ts';
import type { FollowedRun } from '../run/run-service.ts';
import { runSpecSchema } from '../run/run-spec.ts';

const count = z.int().min(0);

/** A run over REST. Fields that depend on the plan are null before it exists. */
export const runResource = z
  .object({
    id: z.string().describe('the name of the run'),
    state: z.enum(RUN_STATES),
    spec: z.record(z.string(), z.unknown()).describe('the specification with all defaults'),
    submittedAt: z.iso.datetime().nullable(),
    runId: z.string().nullable().describe('hash of everything that the pixels depend on'),
    sourceTable: z.string().nullable(),
    sourceVersion: z.int().nullable(),
    rowCount: count.nullable(),
    totalImages: count.nullable(),
    imageCount: count,
    errorCount: count,
    retryCount: count.describe('finished retries of failed images'),
    isRetrying: z.boolean().describe('whether failed images are being retried on this server'),
    shardCount: count.nullable(),
    finishedShardCount: count,
    model: z.object({ name: z.string(), sha256: z.string(), isTrained: z.boolean() }).nullable(),
    error: z.object({ code: z.string(), message: z.string(), remedy: z.string().optional() }).nullable(),
    links: z.object({
      self: z.string(),
      events: z.string(),
      manifest: z.string(),
    }),
  })
  .meta({ id: 'Run' });

/** A run over REST. */
export type RunResource = z.output<typeof runResource>;

/** A run's specification, the same as that of the CLI. */
export const runSpec = runSpecSchema.meta({ id: 'RunSpec' });

/** Converts a run to its REST form. */
export function toRunResource({
  name,
  state,
  submission,
  status,
  live,
  isRetrying,
}: FollowedRun): RunResource {
  const execution = status?.execution;
  const run = submission?.run ?? execution?.run;
  const path = `/v1/runs/${encodeURIComponent(name)}`;
  const failure = submission?.state === 'failed' && live === undefined ? submission.failure : undefined;
  return {
    id: name,
    state,
    spec: { ...run },
    submittedAt: submission === undefined ? null : new Date(submission.submittedMs).toISOString(),
    runId: execution?.runId ?? null,
    sourceTable: execution?.sourceTable ?? null,
    sourceVersion: execution?.sourceVersion ?? null,
    rowCount: execution?.rowCount ?? null,
    totalImages: execution === undefined ? null : execution.rowCount * execution.run.copies,
    // While it runs, shards in progress count too.
    imageCount: Math.max(status?.imageCount ?? 0, live?.imageCount ?? 0),
    errorCount: Math.max(status?.errorCount ?? 0, live?.errorCount ?? 0),
    retryCount: status?.retryCount ?? 0,
    isRetrying,
    shardCount: execution?.shardCount ?? null,
    finishedShardCount: status?.finishedShardCount ?? 0,
    model: modelOf(status),
    error: failure === undefined ? null : withoutPaths(failure),
    links: { self: path, events: `${path}/events`, manifest: `${path}/manifest` },
  };
}

function modelOf(status: FollowedRun['status']): RunResource['model'] {
  const model = status?.execution.model;
  if (model === undefined) return null;
  const { name, sha256, isTrained } = model;
  return { name, sha256, isTrained };
}

function withoutPaths({ code, message, remedy }: NonNullable<RunResource['error']>): RunResource['error'] {
  return {
    code,
    message: hidePaths(message),
    ...(remedy === undefined ? {} : { remedy: hidePaths(remedy) }),
  };
}
