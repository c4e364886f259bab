import { findRun } from '../run/inspect-runs.ts';
import { ERRORS_SCHEMA, RUNS_SCHEMA, type TableReference } from '../sql/table-reference.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { VerifyProblem } from './verify-problem.ts';

/** Compares the rows of a run's manifest or errors with what the run counted at its end, and that with its plan. Nothing is said of other tables. */
export async function checkRunRows(
  store: ObjectStore,
  { schema, name }: TableReference,
  rowCount: number,
): Promise<VerifyProblem[]> {
  if (schema !== RUNS_SCHEMA && schema !== ERRORS_SCHEMA) return [];
  const { execution, folder: key, imageCount, errorCount } = await findRun(store, name);
  const problems: VerifyProblem[] = [];
  const planned = execution.rowCount * execution.run.copies;
  if (imageCount + errorCount !== planned)
    problems.push({ key, problem: `has ${imageCount} images and ${errorCount} errors, not ${planned}` });
  const [wanted, what] = schema === RUNS_SCHEMA ? [imageCount, 'images'] : [errorCount, 'errors'];
  if (rowCount !== wanted) problems.push({ key, problem: `has ${rowCount} rows of ${what}, not ${wanted}` });
  return problems;
}
