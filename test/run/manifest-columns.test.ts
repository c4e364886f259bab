import { expect, test } from 'vitest';
import {
  computedColumns,
  computedNames,
  manifestFields,
  selectLineage,
} from '../../src/run/manifest-columns.ts';
import { toyCard } from '../model/toy-model.ts';
import { makeExecution } from '../support/execution.ts';
import { openTestDb } from '../support/run-in-process.ts';

test('what shards compute are the columns between those of the SQL and those of the lineage', () => {
  const card = toyCard();
  const passed = [{ name: 'id', type: 'long', nullable: true, metadata: {} }] as const;
  const fields = [...passed, ...manifestFields(card)];
  const execution = makeExecution('r', {
    passedColumns: ['id'],
    manifestSchema: { type: 'struct', fields },
  });
  const names = computedColumns(card).map(({ name }) => name);
  expect(computedNames(execution)).toEqual(names);
  expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
  expect(names).toContain('pred_toy');
  expect(names.filter((name) => name.startsWith('pred_'))).toEqual(
    names.slice(computedColumns(undefined).length),
  );
});

test('each row tells what it was made by, also where the SQL has quotes', async () => {
  const execution = makeExecution('r', { sourceTable: "it's", sourceVersion: 7, software: 'pixlake/1' });
  const sql = "SELECT 'a''b' AS id";
  const lineage = selectLineage({ ...execution, run: { ...execution.run, sql } });
  using db = await openTestDb();
  const [row] = await db.rows<Record<string, unknown>>(`SELECT ${lineage.join(', ')}`);
  expect(row).toMatchObject({
    run_id: execution.runId,
    source_table: "it's",
    source_version: 7n,
    sql,
    seed: 42n,
    model: null,
    model_trained: null,
    software: 'pixlake/1',
  });
  expect(JSON.parse(String(row?.['transform']))).toEqual(execution.run.transform);
});
