import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDBInstance } from '@duckdb/node-api';
import { openLakehouse } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

/** What a DuckDB of one's own reads, which knows nothing of pixlake. */
async function readElsewhere(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test('another reader sees the rows of each version, by its files alone', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const lakehouse = openLakehouse({ lake });
  await lakehouse.ingest({ source: await writePlainCatalogue(join(folder, 'source'), 40) });
  await lakehouse.tables.delete({ table: 'images', where: 'id < 10' });

  const newest = await lakehouse.tables.files('images');
  const first = await lakehouse.tables.files('images', '0');
  expect([first.version, newest.version]).toEqual([0, 1]);
  for (const [{ sql, files }, reference] of [
    [first, 'images@v0'],
    [newest, 'images'],
  ] as const) {
    const expected = await rowsOf(lakehouse, `SELECT to_json(r) FROM ${reference} r ORDER BY id`);
    expect(await readElsewhere(`SELECT to_json(r) FROM (${sql}) r ORDER BY id`)).toEqual(expected);
    expect(files.reduce((sum, { rowCount }) => sum + (rowCount ?? Number.NaN), 0)).toBe(expected.length);
    expect(expected).toHaveLength(reference === 'images' ? 31 : 40);
    const parts = files.map(({ uri, partitionValues }) => [
      uri,
      Object.entries(partitionValues).join().replace(',', '='),
    ]);
    expect(
      parts.filter(([uri = '', part = '']) => /^\w+=\w+$/u.test(part) && uri.includes(part)),
    ).toHaveLength(files.length);
  }
  // Files of both versions lie in the folder: without the list a reader would see rows twice.
  const names = await readdir(join(lake, 'tables/images'), { recursive: true });
  const parquet = names.filter((name) => name.endsWith('.parquet') && !name.includes('_delta_log'));
  expect(parquet.length).toBeGreaterThan(newest.files.length);

  const printed = await pixlake(lake, 'files', 'images');
  expect(printed.stdout.trimEnd().split('\n')).toEqual(newest.files.map(({ uri }) => uri));
  expect((await pixlake(lake, 'files', 'images', '--sql', '--at', '0')).stdout).toBe(`${first.sql}\n`);
  expect((await pixlake(lake, 'files', 'nothing')).stderr).toContain('TABLE_NOT_FOUND');
});
