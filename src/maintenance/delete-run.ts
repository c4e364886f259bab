import { REMOVED_SPEC } from '../catalog/run-folders.ts';
import { listAttachments } from '../catalog/attached-table.ts';
import { PixlakeError } from '../errors.ts';
import { executionKeys } from '../run/execution.ts';
import { listExecutions, runNotFound } from '../run/read-executions.ts';
import { IdempotencyKeys } from '../run/idempotency-keys.ts';
import { type Submission, SubmissionLog } from '../run/submission-log.ts';
import { executionFolder, runFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { addImageReferences, listReferrers, withFileLists } from './image-references.ts';
import { describeExecution, type LakeExecution, listLakeExecutions, readsFolder } from './lake-executions.ts';
import { IN_FLIGHT_MS, type MaintenanceContext } from './maintenance-context.ts';
import {
  countFiles,
  type KeptFiles,
  listForRemoval,
  type RemovedFiles,
  removeListed,
} from './remove-files.ts';

/** Which executions of a run to delete. */
export interface DeleteRunSpec {
  readonly name: string;
  /** Keeps the newest finished execution, and executions that were planned after it. */
  readonly isOlderOnly?: boolean;
  /** Also deletes executions that may be in progress. */
  readonly isForced?: boolean;
  /** Whether to only report what would be removed. */
  readonly isDryRun?: boolean;
}

/** Result of deleting a run, or of a dry run. */
export interface DeleteRunReport {
  readonly name: string;
  readonly isDryRun: boolean;
  /** By execution. */
  readonly removed: readonly RemovedFiles[];
  readonly kept: readonly KeptFiles[];
}

/** A folder of a run: an execution, or something that cannot be read as one. */
interface RunPart {
  readonly folder: string;
  readonly kind: 'execution' | 'old' | 'damaged' | 'removed' | 'unfrozen';
  readonly known: LakeExecution | undefined;
}

/**
 * Deletes the executions of a run and its records as an accepted run, so its name is free. What others need is kept: images that other manifests
 * or tables name, and executions that an unfinished run or an attached table reads.
 *
 * The specification goes first, by a single write. From then on the execution is invisible, so an interrupted deletion never shows half
 * of one. The same command finishes it.
 *
 * @throws `RUN_NOT_FOUND`, `RUN_IN_USE`, `RUN_UNFINISHED` if no execution can be kept, `STORAGE_…`
 */
export async function deleteRun(context: MaintenanceContext, spec: DeleteRunSpec): Promise<DeleteRunReport> {
  const { store, signal } = context;
  const { name, isOlderOnly = false, isForced = false, isDryRun = false } = spec;
  const parts = await listParts(store, name);
  const submissionLog = new SubmissionLog(store);
  const { submission } = await submissionLog.readNewest(name);
  if (parts.length === 0 && submission === undefined) throw await runNotFound(store, name);
  const left: { folder: string; reason: string }[] = [];
  const keep = ({ folder }: RunPart, reason: string): void => {
    left.push({ folder, reason });
  };
  const chosen = isOlderOnly ? chooseOlder(name, parts, isForced, keep) : parts;
  if (!isForced) checkNotInWork(name, chosen, parts, isOlderOnly ? undefined : submission);
  const doomed = await leaveOutPinned(store, name, chosen, keep);
  const kept: KeptFiles[] = [];
  for (const part of left) kept.push({ ...part, ...(await countFiles(store, part.folder)) });
  const folders = doomed.map(({ folder }) => folder);
  const removal = await withFileLists(store, async (db) => {
    const manifests = new Set(folders.map(executionKeys.manifest));
    const referrers = (await listReferrers(store)).filter(({ folder }) => !manifests.has(folder));
    await addImageReferences(db, store, runFolder(name), referrers);
    for (const folder of folders) await listForRemoval(db, folder, store.list(folder));
    const specKeys = isDryRun ? [] : await hideExecutions(store, folders);
    const removed = await removeListed(db, store, { isDryRun, signal, leftKeys: specKeys });
    await store.deleteMany(specKeys);
    return removed;
  });
  const isWhole = !isOlderOnly && doomed.length === parts.length;
  if (isWhole && !isDryRun) {
    await new IdempotencyKeys(store).remove(name);
    await submissionLog.remove(name);
  }
  return { name, isDryRun, removed: removal.removed, kept: [...kept, ...removal.kept] };
}

/**
 * Makes executions invisible, the newest one last, before any of their files are removed. So every visible execution is whole, and an older result never appears
 * in place of the newest. Returns the keys of the objects that replace their specifications.
 */
async function hideExecutions(store: ObjectStore, folders: readonly string[]): Promise<string[]> {
  const specKeys: string[] = [];
  for (const folder of folders.toReversed()) {
    const specKey = executionKeys.spec(folder);
    if ((await store.stat(specKey)) === undefined) continue;
    await store.write(specKey, REMOVED_SPEC);
    specKeys.push(specKey);
  }
  return specKeys;
}

/** All folders of a run that are not empty, newest execution first. */
async function listParts(store: ObjectStore, name: string): Promise<RunPart[]> {
  const { executions, unreadable } = await listExecutions(store, name);
  const parts: RunPart[] = [];
  for (const execution of executions) {
    const known = await describeExecution(store, execution);
    parts.push({ folder: known.folder, kind: 'execution', known });
  }
  for (const { folder, error } of unreadable)
    parts.push({ folder, kind: error.code === 'RUN_TOO_OLD' ? 'old' : 'damaged', known: undefined });
  const listed = new Set(parts.map(({ folder }) => folder));
  for (const child of await store.listFolders(runFolder(name))) {
    const folder = `${runFolder(name)}/${child}`;
    if (listed.has(folder)) continue;
    const kind = await describeRest(store, folder);
    if (kind !== undefined) parts.push({ folder, kind, known: undefined });
  }
  return parts;
}

/** Kind of a folder without an execution: leftovers of a deletion, or a plan that may be about to be frozen. `undefined` if it is empty. */
async function describeRest(store: ObjectStore, folder: string): Promise<'removed' | 'unfrozen' | undefined> {
  const oldestMs = Date.now() - IN_FLIGHT_MS;
  let isEmpty = true;
  for await (const { key, modifiedMs } of store.list(folder)) {
    if (!key.startsWith(`${executionKeys.planFolder(folder)}/`) || modifiedMs < oldestMs) return 'removed';
    isEmpty = false;
  }
  return isEmpty ? undefined : 'unfrozen';
}

type Keep = (part: RunPart, reason: string) => void;

/** The executions that are older than the newest finished one, and leftovers. */
function chooseOlder(name: string, parts: readonly RunPart[], isForced: boolean, keep: Keep): RunPart[] {
  const isFinished = ({ known }: RunPart): boolean =>
    known?.state === 'finished' || known?.state === 'retrying';
  const newest = parts.findIndex(isFinished);
  if (newest === -1)
    throw new PixlakeError('RUN_UNFINISHED', `run ${name} has no finished execution to keep`, {
      remedy: `leave out --older to delete the whole run: pixlake runs delete ${name}`,
    });
  return parts.filter((part, index) => {
    if (part.kind === 'execution') return index > newest;
    if (part.kind !== 'damaged' || isForced) return true;
    keep(part, 'its specification is damaged, so it may be the newest execution; --force deletes it');
    return false;
  });
}

/** @param submission what a server has accepted under the run's name */
function checkNotInWork(
  name: string,
  chosen: readonly RunPart[],
  parts: readonly RunPart[],
  submission: Submission | undefined,
): void {
  const newest = parts.find(({ kind }) => kind === 'execution');
  const isCancelled = newest?.known?.state === 'cancelled' && submission?.liftsCancel !== true;
  const isAccepted = submission?.state === 'accepted' && !isCancelled;
  const busy = chosen.find(({ known }) => known?.state === 'unfinished' || known?.state === 'retrying');
  if (busy === undefined && !isAccepted) return;
  const isRetrying = busy?.known?.state === 'retrying';
  const stop = isRetrying
    ? `finish it: pixlake runs retry ${name}`
    : `cancel it: pixlake runs cancel ${name}`;
  const why = isRetrying
    ? 'a retry of it has not finished'
    : busy === undefined
      ? 'a server has accepted it'
      : 'it has not finished';
  throw new PixlakeError('RUN_IN_USE', `run ${name} may be in progress: ${why}`, {
    remedy: `${busy !== undefined && busy === newest ? `${stop}; or, ` : ''}if no process works on it, use --force`,
  });
}

/** Removes executions from the list that other executions or attached tables read. */
async function leaveOutPinned(
  store: ObjectStore,
  name: string,
  chosen: readonly RunPart[],
  keep: Keep,
): Promise<RunPart[]> {
  const executions = await listLakeExecutions(store);
  const attachments = await listAttachments(store);
  let going = [...chosen];
  for (;;) {
    const folders = new Set(going.map(({ folder }) => folder));
    const others = executions.filter(({ folder }) => !folders.has(folder));
    const rest = going.filter((part) => {
      const reason = findPin(store, name, part, others, attachments);
      if (reason !== undefined) keep(part, reason);
      return reason === undefined;
    });
    // Kept executions may need others.
    if (rest.length === going.length) return rest;
    going = rest;
  }
}

/** Why a part of a run cannot be deleted; `undefined` if it can. */
function findPin(
  store: ObjectStore,
  name: string,
  { folder, kind }: RunPart,
  others: readonly LakeExecution[],
  attachments: readonly { readonly name: string; readonly uri: string }[],
): string | undefined {
  if (kind === 'unfrozen') return 'a run may be about to start with this plan';
  const reader = others.find((other) => readsFolder(store, other, folder));
  if (reader !== undefined) return `the unfinished run ${reader.execution.run.name} reads it`;
  const heir = others.find(({ execution: { run, takesOver }, state }) => {
    const isOpen = state === 'unfinished' || state === 'cancelled';
    return (
      isOpen && takesOver !== undefined && executionFolder(name, takesOver) === folder && run.name === name
    );
  });
  if (heir !== undefined) return `the unfinished execution ${heir.folder} takes over images from it`;
  const place = `${store.locate(folder)}/`;
  const attached = attachments.find(({ uri }) => `${uri}/`.startsWith(place));
  return (
    attached && `it is attached as table ${attached.name}; detach it first: pixlake detach ${attached.name}`
  );
}
