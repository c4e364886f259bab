import { z } from 'zod';
import { RUN, RUN_SPEC } from './examples.ts';
import type { PlaceHider } from './hide-places.ts';
import { RUN_STATES } from '../run/standing.ts';
import type { FollowedRun } from '../run/run-service.ts';
import { type Run, runSpecSchema } from '../run/run-spec.ts';
import { sqlNameOf } from '../sql/table-reference.ts';

const count = z.int().min(0);

/** A run over REST. Fields that depend on the plan are null before it exists. */
export const runResource = z
  .object({
    id: z.string().describe('the name of the run'),
    state: z.enum(RUN_STATES),
    spec: z
      .record(z.string(), z.unknown())
      .describe('the specification with all defaults; a path on the server is reduced to its last name'),
    submittedAt: z.iso.datetime().nullable().describe('null if it was started from the command line'),
    startedAt: z.iso
      .datetime()
      .nullable()
      .describe('when its plan was made and work on its images began; null before that'),
    finishedAt: z.iso
      .datetime()
      .nullable()
      .describe(
        'when it finished, failed or was cancelled; null before that, or if that time was not recorded',
      ),
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
    output: z
      .object({
        table: z.string().describe('the manifest in SQL and in /v1/tables'),
        errors: z.string().describe('the images that were not written, in SQL and in /v1/tables'),
        folder: z.string().describe('key below the root of the lake'),
        manifest: z.string(),
        images: z.string().describe('URI template (RFC 6570) for an image_key of the manifest'),
      })
      .nullable()
      .describe('where the results are; null before they are there, and if they are in another lake'),
    links: z.object({
      self: z.string(),
      events: z.string(),
      manifest: z.string(),
    }),
  })
  .meta({ id: 'Run', examples: [RUN] });

/** A run over REST. */
export type RunResource = z.output<typeof runResource>;

/** A run's specification, the same as that of the CLI. */
export const runSpec = runSpecSchema.meta({ id: 'RunSpec', examples: [RUN_SPEC] });

/** Path of a run. */
export function pathOfRun(name: string): string {
  return `/v1/runs/${encodeURIComponent(name)}`;
}

/** Converts a run to its REST form, without places of the server. */
export function toRunResource(followed: FollowedRun, places: PlaceHider): RunResource {
  const { name, state, submission, status, live, isRetrying, isElsewhere } = followed;
  const execution = status?.execution;
  const run = submission?.run ?? execution?.run;
  const path = pathOfRun(name);
  const failure = submission?.state === 'failed' && live === undefined ? submission.failure : undefined;
  return {
    id: name,
    state,
    spec: run === undefined ? {} : withoutPlaces(run, places),
    submittedAt: toTime(submission?.submittedMs),
    startedAt: toTime(isEarlier(followed) ? undefined : execution?.plannedMs),
    finishedAt: toTime(
      state === 'finished' ? (status?.finishedMs ?? submission?.endedMs) : endedMsOf(followed),
    ),
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
    error: failure === undefined ? null : (places.value(failure) as RunResource['error']),
    output:
      state !== 'finished' || isElsewhere || status === undefined ? null : outputOf(name, status.folder),
    links: { self: path, events: `${path}/events`, manifest: `${path}/manifest` },
  };
}

function modelOf(status: FollowedRun['status']): RunResource['model'] {
  const model = status?.execution.model;
  if (model === undefined) return null;
  const { name, sha256, isTrained } = model;
  return { name, sha256, isTrained };
}

/** Whether the newest execution finished before the run was accepted again. */
function isEarlier({ state, status, submission }: FollowedRun): boolean {
  if (state === 'finished' || status?.state !== 'finished') return false;
  return submission === undefined || status.execution.plannedMs < submission.submittedMs;
}

function endedMsOf({ state, submission }: FollowedRun): number | undefined {
  return state === 'failed' || state === 'cancelled' ? submission?.endedMs : undefined;
}

function toTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function outputOf(name: string, folder: string): RunResource['output'] {
  const path = pathOfRun(name);
  return {
    table: sqlNameOf({ schema: 'runs', name }),
    errors: sqlNameOf({ schema: 'errors', name }),
    folder,
    manifest: `${path}/manifest`,
    images: `${path}/images/{image_key}`,
  };
}

/** A model may be a file of the server, and another lake a folder of it. */
function withoutPlaces({ model, output, ...run }: Run, places: PlaceHider): Record<string, unknown> {
  return {
    ...run,
    ...(model === undefined ? {} : { model: places.value(model) }),
    ...(output === undefined ? {} : { output: output.startsWith('s3://') ? output : places.value(output) }),
  };
}
