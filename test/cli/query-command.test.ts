import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { pixlake, pixlakeJson, pixlakeProcess } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('query streams every format, to standard output and to files', async () => {
  const { lake, folder } = await makePlainLake(9);
  const sql = 'SELECT id, gender FROM images ORDER BY id';
  const csv = `id,gender\n${Array.from({ length: 9 }, (_, index) => `${index + 1},${index % 2 ? 'Women' : 'Men'}`).join('\n')}\n`;
  expect((await pixlakeProcess(lake, 'query', sql, '--format', 'csv')).stdout).toBe(csv);
  expect(await pixlakeJson<unknown[]>(lake, 'query', sql, '--limit', '1')).toEqual([
    { id: 1, gender: 'Men' },
  ]);
  expect((await pixlake(lake, 'query', `${sql}; -- all of them`)).stdout).toContain('9 rows');

  const arrow = join(folder, 'out.arrow');
  await pixlake(lake, 'query', sql, '--output', arrow);
  expect(tableFromIPC(await readFile(arrow)).numRows).toBe(9);

  const parquet = join(folder, 'out.parquet');
  await pixlake(lake, 'query', sql, '--output', parquet);
  const connection = await (await DuckDBInstance.create()).connect();
  const reader = await connection.runAndReadAll(`SELECT count(*), min(id), max(id) FROM '${parquet}'`);
  expect(reader.getRows()).toEqual([[9n, 1n, 9n]]);
});

test('query --output says at once what cannot be written, and how', async () => {
  const { lake, folder } = await makePlainLake(1);
  const before = await readdir(folder, { recursive: true });
  for (const [output, code, text] of [
    ['no/such/folder.csv', 5, /the folder .*no\/such does not exist \[OUTPUT_FAILED\]/u],
    ['no/such/folder.parquet', 5, /the folder .*no\/such does not exist \[OUTPUT_FAILED\]/u],
    ['rows.txt', 2, /\.parquet.*\[ARGUMENT_INVALID\].*--format/su],
    ['rows', 2, /\.ndjson.*\[ARGUMENT_INVALID\]/su],
  ] as const) {
    const failed = await pixlake(lake, 'query', 'SELECT id FROM images', '--output', join(folder, output));
    expect(failed, output).toMatchObject({ code, stderr: expect.stringMatching(text) });
    expect(failed.stderr).not.toContain('vacuum');
  }
  expect(await readdir(folder, { recursive: true })).toEqual(before);
  const text = join(folder, 'rows.txt');
  await pixlake(lake, 'query', 'SELECT id FROM images', '--output', text, '--format', 'csv');
  expect(await readFile(text, 'utf8')).toBe('id\n1\n');
  const parquet = openLakehouse({ lake }).queryToParquet('SELECT 1', join(folder, 'no/such.parquet'));
  await expect(parquet).rejects.toMatchObject({ code: 'OUTPUT_FAILED', remedy: undefined });
});

test('query --explain names snapshot, files and plan', async () => {
  const { lake } = await makePlainLake(3);
  const { stdout } = await pixlake(lake, 'query', 'SELECT * FROM images WHERE id = 1', '--explain');
  expect(stdout).toContain('images at version 0: 1 data files considered, 0 pruned, 1 read');
  const none = await pixlake(lake, 'query', 'SELECT * FROM images WHERE id = 9', '--explain');
  expect(none.stdout).toContain('1 data files considered, 1 pruned, 0 read');
  expect(stdout).toMatch(/READ_PARQUET/u);
});
