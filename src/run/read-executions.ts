import { isRemovedSpec, listRunFolders, type RunFolder, type UnreadableRun } from '../catalog/run-folders.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';
import { executionKeys, folderOf } from './execution.ts';
import { type Execution, executionSchema } from './execution-schema.ts';
import { toRunId } from './run-spec.ts';

/** The executions of a run, newest first, and the unreadable ones. */
export async function listExecutions(
  store: ObjectStore,
  name: string,
): Promise<{ readonly executions: readonly Execution[]; readonly unreadable: readonly UnreadableRun[] }> {
  const folders = await listRunFolders(store, name);
  const executions: Execution[] = [];
  const unreadable = [...folders.unreadable];
  for (const runFolder of folders.executions) {
    try {
      executions.push(toExecution(store, runFolder));
    } catch (error) {
      if (!(error instanceof PixlakeError)) throw error;
      unreadable.push({ ...runFolder, error });
    }
  }
  return { executions, unreadable };
}

/**
 * The newest execution of a run; `undefined` if none was planned, or only by an older pixlake.
 *
 * @throws `RUN_CORRUPT` if one is damaged, because it may be the newest
 */
export async function findNewestExecution(store: ObjectStore, name: string): Promise<Execution | undefined> {
  const { executions, unreadable } = await listExecutions(store, name);
  const damaged = unreadable.find(({ error }) => error.code !== 'RUN_TOO_OLD');
  if (damaged !== undefined) throw damaged.error;
  return executions[0];
}

/** Reads the frozen execution in a folder. @throws `RUN_NOT_FOUND`, `RUN_CORRUPT`, `RUN_REMOVED` */
export async function readExecution(store: ObjectStore, folder: string): Promise<Execution> {
  const key = executionKeys.spec(folder);
  const bytes = await readIfPresent(store, key);
  if (bytes === undefined) throw new PixlakeError('RUN_NOT_FOUND', `no run exists in ${folder}`);
  if (isRemovedSpec(bytes)) {
    const [, name = ''] = folder.split('/');
    throw new PixlakeError('RUN_REMOVED', `the deletion of ${folder} was interrupted`, {
      remedy: `finish the deletion, then start the run again: pixlake runs delete ${name}`,
    });
  }
  const spec = decodeStored(bytes, store.locate(key));
  return toExecution(store, { folder, spec });
}

/** Freezes an execution unless its folder already has one, and returns whether it did. */
export async function writeExecution(store: ObjectStore, execution: Execution): Promise<boolean> {
  const key = executionKeys.spec(folderOf(execution));
  return store.writeIfAbsent(key, encodeStored(execution), { durable: true });
}

function toExecution(store: ObjectStore, { folder, spec }: Pick<RunFolder, 'folder' | 'spec'>): Execution {
  const place = store.locate(executionKeys.spec(folder));
  const execution: Execution = parseStored(executionSchema, spec, place);
  // The id is a hash of everything that the result depends on, and the name of the folder.
  if (toRunId(execution.run, inputsOf(execution)) === execution.runId && folder.endsWith(folderOf(execution)))
    return execution;
  throw new PixlakeError('RUN_CORRUPT', `${place} does not match the id in the name of its folder`);
}

/** What the id of an execution depends on, besides its specification. */
export function inputsOf(
  execution: Pick<Execution, 'versions' | 'planVersion' | 'pixelsVersion' | 'manifestVersion' | 'model'>,
): Parameters<typeof toRunId>[1] {
  const { versions, planVersion, pixelsVersion, manifestVersion, model } = execution;
  return { versions, planVersion, pixelsVersion, manifestVersion, modelSha256: model?.sha256 };
}

/** The error for a run that the lake does not have. */
export async function runNotFound(store: ObjectStore, name: string): Promise<PixlakeError> {
  const names = await store.listFolders('runs');
  return new PixlakeError('RUN_NOT_FOUND', `no run ${name} exists in ${store.uri}`, {
    remedy: names.length === 0 ? 'the lake has no runs yet' : `the lake has: ${names.join(', ')}`,
  });
}
