import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
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

test('the ending of the file names the format, in either case, unless an option does', async () => {
  const { lake, folder } = await makePlainLake(1);
  const written = async (name: string, ...more: string[]): Promise<string> => {
    const path = join(folder, name);
    const { code, stdout, stderr } = await pixlake(
      lake,
      'query',
      'SELECT id FROM images',
      '--output',
      path,
      ...more,
    );
    expect([code, stdout, stderr]).toEqual([0, '', '']);
    return (await readFile(path)).subarray(0, 6).toString('latin1');
  };
  expect(await written('a.JSONL')).toBe('{"id":');
  expect(await written('a.ndjson')).toBe('{"id":');
  expect(await written('a.csv')).toBe('id\n1\n');
  expect(await written('a.json')).toMatch(/^\[/u);
  expect(await written('a.parquet', '--json')).toMatch(/^PAR1/u);
  expect(await written('a.csv', '--format', 'parquet')).toMatch(/^PAR1/u);
  expect(await written('rows', '--json')).toMatch(/^\[/u);
  expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
});

test('what cannot be written leaves nothing, and what is there stays', async () => {
  const { lake, folder } = await makePlainLake(3);
  const path = join(folder, 'rows.csv');
  await writeFile(path, 'old');
  const failing = `SELECT CASE WHEN range = 99999 THEN error('bad') ELSE range END AS a FROM range(100000)`;
  const failed = await pixlake(lake, 'query', failing, '--output', path);
  expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('[SQL_FAILED]') });
  expect([await readFile(path, 'utf8'), existsSync(`${path}.partial`)]).toEqual(['old', false]);
  const onFolder = await pixlake(lake, 'query', 'SELECT 1', '--output', lake, '--format', 'csv');
  expect(onFolder).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/it is a folder \[OUTPUT_FAILED\]\n.*name a file in it/u),
  });
  const links = await pixlake(lake, 'query', 'SELECT 1', '--format', 'parquet', '--with-urls');
  expect(links).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('links expire [ARGUMENT_INVALID]'),
  });
  const local = await pixlake(
    lake,
    'query',
    'SELECT image_key FROM images',
    '--with-urls',
    '--url-expires',
    '1m',
  );
  expect(local).toMatchObject({ code: 2, stderr: expect.stringContaining('lakes on S3') });
});

test('Parquet can be piped, as of a version and with a limit', async () => {
  const { lake, folder } = await makePlainLake(5);
  await pixlake(lake, 'delete', 'images', '--where', 'id = 1');
  const args = ['--at', '0', '--limit', '3', '--format', 'parquet'];
  const { code, stdout } = await pixlake(lake, 'query', 'SELECT id FROM images ORDER BY id', ...args);
  expect([code, stdout.slice(0, 4), stdout.slice(-4)]).toEqual([0, 'PAR1', 'PAR1']);
  const path = join(folder, 'rows.parquet');
  await pixlake(lake, 'query', 'SELECT id FROM images ORDER BY id', ...args, '--output', path);
  expect(await pixlakeJson(lake, 'attach', 'rows', path)).toMatchObject({ format: 'parquet' });
  expect(await pixlakeJson(lake, 'query', 'FROM rows')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  const explained = await pixlake(lake, 'query', 'FROM images', '--at', '0', '--explain');
  expect(explained.stdout).toMatch(
    /^images at version 0: 1 data files considered, 0 pruned, 1 read\n[^]*READ_PARQUET/u,
  );
});
