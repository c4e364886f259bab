import { expect, test } from 'vitest';
import {
  computedColumns,
  computedNames,
  manifestFields,
  selectLineage,
  type WrittenImage,
} from '../../src/run/manifest-columns.ts';
import { undrawn } from '../../src/image/transform.ts';
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

test('a row of the manifest tells what was written, from what, and how', () => {
  const drawn = { ...undrawn({ width: 40, height: 30 }), cropLeft: 3, cropTop: 4, isFlipped: true };
  const image = {
    imageId: 'a-1',
    copy: 1,
    imageKey: 'images/a-1.png',
    sha256: 'written',
    format: 'png',
    sourceKey: 'a.jpg',
    rendered: { width: 8, height: 6, encoded: Buffer.alloc(77) },
    original: { width: 60, height: 50, sha256: 'original' },
    drawn,
    predictions: ['shoe', 0.5],
  } as unknown as WrittenImage;
  const columns = computedColumns(toyCard());
  const row = Object.fromEntries(columns.map((column) => [column.name, column.valueOf(image)]));
  expect(row).toMatchObject({
    image_id: 'a-1',
    copy: 1,
    image_key: 'images/a-1.png',
    image_sha256: 'written',
    image_bytes: 77,
    image_format: 'png',
    image_width: 8,
    image_height: 6,
    image_channels: 3,
    image_frames: 1,
    image_bit_depth: 8,
    image_status: 'ok',
    image_reason: null,
    source_key: 'a.jpg',
    source_sha256: 'original',
    source_width: 60,
    source_height: 50,
    crop_left: 3,
    crop_top: 4,
    crop_width: 40,
    crop_height: 30,
    pred_toy: 'shoe',
    pred_toy_score: 0.5,
    pred_toy_labels: null,
  });
  expect(Object.values(row).filter((value) => value === undefined)).toEqual([]);
});

test('a row of a run with a model names the model', async () => {
  const model = { name: "m'", sha256: 'a'.repeat(64), isTrained: true, embeddings: [] };
  const execution = makeExecution('r', { model });
  using db = await openTestDb();
  const [row] = await db.rows<object>(`SELECT ${selectLineage(execution).join(', ')}`);
  expect(row).toEqual({
    run_id: execution.runId,
    source_table: 't',
    source_version: 0n,
    sql: 'SELECT * FROM t',
    seed: 42n,
    transform: JSON.stringify(execution.run.transform),
    model: "m'",
    model_sha256: 'a'.repeat(64),
    model_trained: true,
    software: 'test',
  });
});

test('the fields of a manifest have the types of their columns', () => {
  const types = manifestFields(toyCard()).map(({ name, type }) => `${name} ${JSON.stringify(type)}`);
  for (const expected of [
    'image_id "string"',
    'copy "integer"',
    'image_bytes "long"',
    'source_version "long"',
    'seed "long"',
    'model_trained "boolean"',
  ])
    expect(types).toContain(expected);
  expect(types.at(-1)).toBe('software "string"');
  expect.assertions(7);
});
