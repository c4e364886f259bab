import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { type StagedRows, stageRows } from '../../src/ingest/stage-rows.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb } from '../support/run-in-process.ts';

interface Staged extends StagedRows {
  readonly rows: object[];
  readonly rejects: unknown[][];
  readonly tables: string[];
  /** Each count that was told. */
  readonly told: number[];
}

async function stage(csv: string, imageColumn?: string): Promise<Staged> {
  const path = join(await makeTestFolder(), 'a.csv');
  await writeFile(path, csv);
  const columns = [
    { name: 'id', type: 'BIGINT' },
    { name: 'a "b"', type: 'VARCHAR' },
  ];
  const schema = parseDatasetSchema(
    { name: 't', idColumn: 'id', columns, ...(imageColumn === undefined ? {} : { imageColumn }) },
    'a test',
  );
  using db = await openTestDb();
  const told: number[] = [];
  const counts = await stageRows(db, path, schema, (count) => told.push(count));
  const rejects = await db.rows<object>('FROM rejects ORDER BY line');
  const tables = await db.rows<{ name: string }>(
    'SELECT table_name AS name FROM duckdb_tables() ORDER BY ALL',
  );
  return {
    ...counts,
    rows: await db.rows('FROM staged_rows ORDER BY __line'),
    rejects: rejects.map((row) => Object.values(row)),
    tables: tables.map(({ name }) => name),
    told,
  };
}

test('rows and rejects are staged, each with its line, and told one by one', async () => {
  expect(await stage('"a ""b""",id\nx,1\ny\n"z, ""q""",3\n,4\n')).toEqual({
    rowCount: 4,
    repairedCount: 0,
    rows: [
      { __image_ref: '1', __line: 2n, id: 1n, 'a "b"': 'x' },
      { __image_ref: '3', __line: 4n, id: 3n, 'a "b"': 'z, "q"' },
      { __image_ref: '4', __line: 5n, id: 4n, 'a "b"': null },
    ],
    rejects: [[3n, '1 fields instead of 2', 'y']],
    tables: ['rejects', 'staged_rows'],
    told: [1, 2, 3, 4],
  });
});

test('of rows with one id the first is kept, and the others are rejects as they were written', async () => {
  const { rowCount, rows, rejects } = await stage('id,"a ""b"""\n7,x\n8,y\n7, z\n7,"w"\n');
  expect(rowCount).toBe(4);
  expect(rows).toMatchObject([
    { id: 7n, 'a "b"': 'x' },
    { id: 8n, 'a "b"': 'y' },
  ]);
  expect(rejects).toEqual([
    [4n, 'id 7 was already on line 2', '7, z'],
    [5n, 'id 7 was already on line 2', '7,"w"'],
  ]);
});

test('a row calls its image by its id, or by the path that it names, with no ./ before it', async () => {
  const csv = 'id,"a ""b"""\n1,./x/./1.jpg\n2,\n3,.hidden.jpg\n4,a./b.jpg\n';
  const refsOf = async (imageColumn?: string): Promise<unknown[]> =>
    (await stage(csv, imageColumn)).rows.map((row) => Object.values(row)[0] as unknown);
  expect(await refsOf()).toEqual(['1', '2', '3', '4']);
  expect(await refsOf('a "b"')).toEqual(['x/./1.jpg', null, '.hidden.jpg', 'a./b.jpg']);
});

test('rows whose extra commas were joined are counted', async () => {
  const { repairedCount, rows } = await stage('id,"a ""b"""\n1,x,y\n2,z\n3,a,b,c\nq,a,b\n');
  expect(repairedCount).toBe(2);
  expect(rows.map((row) => Object.values(row)[3] as unknown)).toEqual(['x,y', 'z', 'a,b,c']);
});

test('a header that does not fit the schema is refused', async () => {
  await expect(stage('id,b\n1,2\n')).rejects.toMatchObject({ code: 'CSV_HEADER_INVALID' });
});
