import { openAppender } from '../duckdb/appender.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { PixlakeError } from '../errors.ts';
import { blockCountOf, executionKeys, folderOf } from '../run/execution.ts';
import { listExecutions, runNotFound } from '../run/read-executions.ts';
import type { Execution } from '../run/execution-schema.ts';
import { listRetries } from '../run/retries.ts';
import { listMarkedShards, readMarker } from '../run/shard-marker.ts';
import { workInOrder } from '../run/work-in-order.ts';
import { runFolder } from '../storage/lake-layout.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { addImageReferences, listReferrers, REFERENCED, withFileLists } from './image-references.ts';
import { readKnownFiles } from './known-files.ts';
import { describeExecution, type LakeExecution } from './lake-executions.ts';
import { IN_FLIGHT_MS, type MaintenanceContext } from './maintenance-context.ts';
import { listForRemoval, removeListed } from './remove-files.ts';
import type { VacuumReport } from './vacuum-table.ts';

/** Which runs to sweep. */
export interface SweepRunsSpec {
  /** Name of the run; all runs by default. */
  readonly name?: string | undefined;
  /** Keeps files that were written within this time, at least a day. */
  readonly retainMs?: number | undefined;
  /** Whether to only report what would be removed. */
  readonly isDryRun?: boolean | undefined;
}

const MARKERS_AT_ONCE = 32;

/**
 * Removes unused files of finished executions: shard files without a marker, plans without a specification, data files that no version
 * of a manifest has, images that no row names, and leftovers of deleted executions. Executions and retries that have not finished
 * stay, and so do files that others refer to.
 *
 * @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID`, `RUN_CORRUPT`, `TABLE_CORRUPT`, `STORAGE_…`
 */
export async function sweepRuns(context: MaintenanceContext, spec: SweepRunsSpec): Promise<VacuumReport> {
  const { store, signal } = context;
  const { name, retainMs = 0, isDryRun = false } = spec;
  if (!(retainMs >= 0)) throw new PixlakeError('ARGUMENT_INVALID', `cannot retain ${retainMs} ms`);
  const names = await store.listFolders('runs');
  if (name !== undefined && !names.includes(name)) throw await runNotFound(store, name);
  const beforeMs = Date.now() - Math.max(retainMs, IN_FLIGHT_MS);
  const removedKeys: string[] = [];
  const { removed } = await withFileLists(store, async (db) => {
    const targets: Target[] = [];
    for (const run of name === undefined ? names : [name]) targets.push(...(await listTargets(store, run)));
    // Listed before references are read, so a file that gets a reference in between counts as used.
    for (const target of targets)
      await listForRemoval(db, target.folder, listCandidates(store, target, beforeMs));
    for (const { finished } of targets) if (finished !== undefined) await addNamedFiles(db, store, finished);
    const parent = name === undefined ? 'runs' : runFolder(name);
    await addImageReferences(db, store, parent, await listReferrers(store));
    return removeListed(db, store, {
      isDryRun,
      signal,
      onRemove: (keys) => removedKeys.push(...keys),
    });
  });
  const removedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sweptCount = isDryRun ? 0 : await store.sweepTemporary(Date.now() - IN_FLIGHT_MS);
  const table = name === undefined ? 'runs' : `runs.${name}`;
  return { table, isDryRun, removedKeys: removedKeys.sort(), removedLogKeys: [], removedBytes, sweptCount };
}

interface Target {
  readonly folder: string;
  /** `undefined` if the folder has no specification. */
  readonly finished: Finished | undefined;
}

interface Finished {
  readonly folder: string;
  /** The execution and its retries that have finished. */
  readonly executions: readonly Execution[];
  /** Key prefixes of retries that have not finished. */
  readonly untouched: readonly string[];
}

/** Finished executions, and folders without an execution. */
async function listTargets(store: ObjectStore, name: string): Promise<Target[]> {
  const { executions, unreadable } = await listExecutions(store, name);
  const targets: Target[] = [];
  const taken = new Set(unreadable.map(({ folder }) => folder));
  for (const execution of executions) {
    taken.add(folderOf(execution));
    const known = await describeExecution(store, execution);
    if (known.state === 'finished' || known.state === 'retrying')
      targets.push({ folder: known.folder, finished: await describeFinished(store, known) });
  }
  for (const child of await store.listFolders(runFolder(name))) {
    const folder = `${runFolder(name)}/${child}`;
    const isRest = !taken.has(folder) && (await store.stat(executionKeys.spec(folder))) === undefined;
    if (isRest) targets.push({ folder, finished: undefined });
  }
  return targets;
}

async function describeFinished(store: ObjectStore, { execution, folder }: LakeExecution): Promise<Finished> {
  const retries = await listRetries(store, folder);
  const untouched = retries.flatMap(({ retry, success }) => {
    const number = retry.retry?.number ?? 0;
    const tables = [executionKeys.manifest(folder), executionKeys.errors(folder)];
    if (success !== undefined) return [];
    return [`${executionKeys.retry(folder, number)}/`, ...tables.map((table) => `${table}/retry-${number}-`)];
  });
  const finished = retries.filter(({ success }) => success !== undefined).map(({ retry }) => retry);
  return { folder, executions: [execution, ...finished], untouched };
}

/** Folders, below that of an execution or a retry, whose files are used only if something else names them. */
const NAMED = /^(?:retries\/[^/]+\/)?(?:plan|images|parts|errors|manifest)\//u;

async function* listCandidates(
  store: ObjectStore,
  { folder, finished }: Target,
  beforeMs: number,
): AsyncGenerator<ObjectEntry> {
  for await (const entry of store.list(folder)) {
    const { key, modifiedMs } = entry;
    const path = key.slice(folder.length + 1);
    const isNamed = finished === undefined || (NAMED.test(path) && !path.includes('_delta_log/'));
    const isUntouched = finished?.untouched.some((start) => key.startsWith(start)) ?? false;
    if (isNamed && !isUntouched && modifiedMs < beforeMs) yield entry;
  }
}

/** Adds the files that the specifications, markers and logs of an execution name, so they are kept. */
async function addNamedFiles(db: DuckDb, store: ObjectStore, finished: Finished): Promise<void> {
  const appender = await openAppender(db, REFERENCED, ['VARCHAR', 'VARCHAR']);
  try {
    for await (const key of listNamedFiles(store, finished)) appender.append([key, finished.folder]);
  } finally {
    appender.close();
  }
}

async function* listNamedFiles(store: ObjectStore, { folder, executions }: Finished): AsyncGenerator<string> {
  for (const execution of executions) {
    const { plan } = execution;
    const own = folderOf(execution);
    for (const part of plan.parts.keys()) yield executionKeys.planPart(own, plan, part);
    for (let block = 0; block < blockCountOf(execution); block++) {
      const shards = await listMarkedShards(store, own, block);
      for await (const marker of workInOrder(shards, MARKERS_AT_ONCE, (shard) =>
        readMarker(store, own, shard),
      )) {
        if (marker?.part) yield `${executionKeys.parts(own)}/${marker.part.name}`;
        if (marker?.errors) yield `${executionKeys.errors(own)}/${marker.errors.name}`;
      }
    }
  }
  for (const table of [executionKeys.manifest(folder), executionKeys.errors(folder)]) {
    const known = await readKnownFiles(store, table);
    for (const key of [...(known?.current ?? []), ...(known?.earlier ?? [])]) yield key;
  }
}
