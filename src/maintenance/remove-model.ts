import { PixlakeError } from '../errors.ts';
import { listModelFiles, readModelSha256 } from '../model/lake-models.ts';
import { SubmissionLog } from '../run/submission-log.ts';
import { listLakeExecutions, namesOf } from './lake-executions.ts';
import type { MaintenanceContext } from './maintenance-context.ts';
import type { RemovedFiles } from './remove-files.ts';

/** Which model to remove. */
export interface RemoveModelSpec {
  readonly name: string;
  /** Whether to only report what would be removed. */
  readonly isDryRun?: boolean;
}

/** Result of removing a model, or of a dry run. */
export interface RemoveModelReport {
  readonly name: string;
  readonly isDryRun: boolean;
  readonly removed: RemovedFiles;
  /** Finished runs that used the model and can no longer be retried. */
  readonly notRetriable: readonly string[];
}

/**
 * Removes a model from the lake, its card first, because a model exists only with its card.
 *
 * @throws `MODEL_NOT_FOUND`, `MODEL_IN_USE`, `STORAGE_…`
 */
export async function removeModel(
  { store }: MaintenanceContext,
  { name, isDryRun = false }: RemoveModelSpec,
): Promise<RemoveModelReport> {
  const files = await listModelFiles(store, name);
  const sha256 = await readModelSha256(store, name);
  const executions = await listLakeExecutions(store);
  const users = executions.filter(
    ({ execution: { model, sourceLake } }) =>
      model?.name === name &&
      (sha256 === undefined || model.sha256 === sha256) &&
      (sourceLake === undefined || sourceLake === store.uri),
  );
  const planned = new Set(executions.map(({ execution }) => execution.run.name));
  const waiting = (await new SubmissionLog(store).list())
    .filter(({ state, run }) => state === 'accepted' && run.model === name && !planned.has(run.name))
    .map(({ run }) => run.name);
  const unfinished = [...namesOf(users.filter(({ state }) => state !== 'finished')), ...waiting];
  if (unfinished.length > 0)
    throw new PixlakeError('MODEL_IN_USE', `unfinished runs use model ${name}: ${unfinished.join(', ')}`, {
      remedy: `finish them, or delete them: pixlake runs delete ${unfinished[0]}`,
    });
  if (!isDryRun) await store.deleteMany(files.map(({ key }) => key));
  return {
    name,
    isDryRun,
    removed: {
      folder: `models/${name}`,
      fileCount: files.length,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    notRetriable: namesOf(users),
  };
}
