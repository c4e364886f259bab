import { inputsOf } from '../../src/run/read-executions.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { parseRunSpec, toRunId } from '../../src/run/run-spec.ts';

/** An execution of one row, as a run of that name freezes it, but for what is given. */
export function makeExecution(
  name: string,
  fields: Partial<Omit<Execution, 'run' | 'runId'>> = {},
): Execution {
  const run = parseRunSpec({ name, sql: 'SELECT * FROM t' }, 'test');
  const execution: Omit<Execution, 'runId'> = {
    layoutVersion: 2,
    plannedMs: 1,
    run,
    sourceTable: 't',
    sourceVersion: 0,
    versions: { 'tables/t': '0' },
    software: 'test',
    planVersion: 1,
    pixelsVersion: 1,
    manifestVersion: 1,
    rowCount: 1,
    shardSize: 1,
    shardCount: 1,
    plan: { sha256: '0'.repeat(64), volatileBecause: [], partRowCount: 1, parts: [] },
    passedColumns: [],
    manifestSchema: { type: 'struct', fields: [] },
    ...fields,
  };
  return { ...execution, runId: toRunId(run, inputsOf(execution)) };
}
