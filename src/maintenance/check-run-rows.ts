import { dirname } from 'node:path/posix';
import type { FoundTable } from '../catalog/found-table.ts';
import { describeExecution } from '../run/inspect-runs.ts';
import { readExecution } from '../run/read-executions.ts';
import { isRunSchema, RUNS_SCHEMA } from '../sql/table-reference.ts';
import type { VerifyProblem } from './verify-problem.ts';

/**
 * Compares the rows of a run's manifest or errors with what its execution counted at its end, and that with its plan.
 * Nothing is said of other tables, nor while a retry may have committed to one of the two tables only.
 */
export async function checkRunRows(
  { store, snapshot }: FoundTable,
  schema: string,
  rowCount: number,
): Promise<VerifyProblem[]> {
  if (!isRunSchema(schema)) return [];
  // Of a run that was started again, the table is that of the newest finished execution, which need not be the newest.
  const key = dirname(snapshot.folder);
  const execution = await readExecution(store, key);
  const { imageCount, errorCount, hasUnfinishedRetry } = await describeExecution(store, execution);
  if (hasUnfinishedRetry) return [];
  const problems: VerifyProblem[] = [];
  const planned = execution.rowCount * execution.run.copies;
  if (imageCount + errorCount !== planned)
    problems.push({ key, problem: `has ${imageCount} images and ${errorCount} errors, not ${planned}` });
  const [wanted, what] = schema === RUNS_SCHEMA ? [imageCount, 'images'] : [errorCount, 'errors'];
  if (rowCount !== wanted) problems.push({ key, problem: `has ${rowCount} rows of ${what}, not ${wanted}` });
  return problems;
}
