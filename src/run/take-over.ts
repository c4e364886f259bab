import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import { readSuccess } from './success.ts';
import { executionKeys, folderOf } from './execution.ts';
import { listExecutions } from './read-executions.ts';
import type { Execution } from './execution-schema.ts';
import { computedNames } from './manifest-columns.ts';
import { isSameRun } from './run-spec.ts';

/** An earlier execution of the same run whose images can be used if original and id are the same. */
export interface EarlierImages {
  readonly runId: string;
  /** SQL with a row for each original whose copies were all made: `__taken_id`, `__taken_sha256` and, by copy, the computed columns `__taken`. */
  readonly select: string;
}

/** Properties that must be equal, besides id and original. */
type Inputs = Pick<Execution, 'run' | 'planVersion' | 'pixelsVersion' | 'manifestVersion' | 'model'>;

/**
 * Finds the newest finished execution of the same run in the target lake, if it used the same transform, model and rules for
 * pixels. Where the SQL gives the boxes none are taken over, since a box may have changed while id and original have not.
 */
export async function findEarlierImages(
  db: Pick<DuckDb, 'locate'>,
  store: ObjectStore,
  head: Inputs,
): Promise<EarlierImages | undefined> {
  if (head.run.cropColumns !== undefined) return undefined;
  const { executions } = await listExecutions(store, head.run.name);
  for (const execution of executions) {
    const folder = folderOf(execution);
    if ((await readSuccess(store, folder)) === undefined) continue;
    if (!isEquivalent(execution, head)) return undefined;
    const snapshot = await readSnapshot(store, executionKeys.manifest(folder));
    if (snapshot === undefined) return undefined;
    const { copies } = execution.run;
    const id = copies === 1 ? 'image_id' : `left(image_id, len(image_id) - len('-' || "copy"))`;
    const fields = computedNames(execution).map((name) => `${quoteName(name)} := ${quoteName(name)}`);
    return {
      runId: execution.runId,
      select: `
        SELECT ${id} AS __taken_id, source_sha256 AS __taken_sha256,
          list(struct_pack(${fields.join(', ')}) ORDER BY "copy") AS __taken
        FROM (${await selectSnapshot(db, store, snapshot)}) GROUP BY ALL HAVING count(*) = ${copies}`,
    };
  }
  return undefined;
}

function isEquivalent(execution: Execution, head: Inputs): boolean {
  return (
    isSameRun(execution.run, head.run) &&
    execution.planVersion === head.planVersion &&
    execution.pixelsVersion === head.pixelsVersion &&
    execution.manifestVersion === head.manifestVersion &&
    execution.model?.sha256 === head.model?.sha256
  );
}
