import { describeErrorLimit, type ErrorLimit, exceedsErrors } from '../error-limit.ts';
import { PixlakeError } from '../errors.ts';
import { imagesPerRow } from './execution.ts';
import type { Execution } from './execution-schema.ts';

/** Whether more images of an execution failed than the limit allows. */
export function hasTooManyErrors(execution: Execution, errorCount: number, limit: ErrorLimit): boolean {
  return exceedsErrors(limit, errorCount, totalOf(execution));
}

/** @param errorCount unknown if the run was stopped */
export function tooManyErrors(
  execution: Execution,
  errorCount: number | undefined,
  limit: ErrorLimit,
): PixlakeError {
  const { name } = execution.run;
  const failed = errorCount === undefined ? 'too many' : errorCount;
  return new PixlakeError(
    'TOO_MANY_ERRORS',
    `${failed} of ${totalOf(execution)} images of run ${name} failed; the limit is ${describeErrorLimit(limit)}`,
    {
      remedy: `\`pixlake runs errors ${name}\` shows why; finished work is kept, and the same run with a higher limit continues`,
    },
  );
}

function totalOf(execution: Execution): number {
  return execution.rowCount * imagesPerRow(execution);
}
