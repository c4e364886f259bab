import { readdir, readFile, stat } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { DuckDBInstance } from '@duckdb/node-api';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { openLakehouse, VERSION } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

async function makeLake(rowCount: number): Promise<{ lake: string; folder: string }> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await openLakehouse({ lake }).ingest({
    source: await writePlainCatalogue(join(folder, 'source'), rowCount),
  });
  return { lake, folder };
}

describe('the command line', () => {
  test('has help with examples for each command, a version, and exit code 2 for misuse', async () => {
    const { stdout, code } = await pixlake('.', '--help');
    expect(code).toBe(0);
    for (const command of ['sample', 'ingest', 'tables', 'query', 'run', 'runs', 'demo'])
      expect(stdout).toContain(`  ${command} `);
    expect((await pixlake('.', '--version')).stdout).toBe(`${VERSION}\n`);
    expect((await pixlake('.', 'ingest', '--help')).stdout).toContain('Examples:');
    expect((await pixlake('.', 'fly')).code).toBe(2);
    expect((await pixlake('.', 'query')).code).toBe(2);
  });

  test('a missing lake is named, with what to do', async () => {
    const folder = await makeTestFolder();
    const { code, stderr, stdout } = await pixlake(join(folder, 'nothing'), 'query', 'SELECT 1');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('[LAKE_NOT_FOUND]');
    expect(stderr).toContain('pixlake ingest');
    expect(await readdir(folder)).toEqual([]);
  });

  test('query streams every format, to standard output and to files', async () => {
    const { lake, folder } = await makeLake(9);
    const sql = 'SELECT id, gender FROM images ORDER BY id';
    const csv = `id,gender\n${Array.from({ length: 9 }, (_, index) => `${index + 1},${index % 2 ? 'Women' : 'Men'}`).join('\n')}\n`;
    expect((await pixlake(lake, 'query', sql, '--format', 'csv')).stdout).toBe(csv);
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

    const failed = await pixlake(lake, 'query', sql, '--output', join(folder, 'no/such/folder.csv'));
    expect(failed).toMatchObject({ code: 5 });
    expect(failed.stderr).toContain('[OUTPUT_FAILED]');
  });

  test('query --explain names snapshot, files and plan', async () => {
    const { lake } = await makeLake(3);
    const { stdout } = await pixlake(lake, 'query', 'SELECT * FROM images WHERE id = 1', '--explain');
    expect(stdout).toContain('images at version 0: 1 data files');
    expect(stdout).toMatch(/READ_PARQUET/u);
  });

  test('tables and runs are listed, and a contact sheet is a PNG', async () => {
    const { lake, folder } = await makeLake(5);
    expect((await pixlake(lake, 'runs', 'list')).stdout).toBe('no runs yet\n');
    await pixlake(lake, 'run', '--name', 'tiny', '--sql', 'SELECT * FROM images', '--size', '32');
    expect(await pixlakeJson(lake, 'tables')).toMatchObject([
      { name: 'images', version: 0, rowCount: 5, partitionColumns: ['masterCategory'] },
      { name: 'runs.tiny', version: 0, rowCount: 5 },
    ]);
    expect((await pixlake(lake, 'runs', 'list')).stdout).toMatch(
      /^tiny {2}finished {2}5 of 5 images, 0 failed/u,
    );
    expect((await pixlake(lake, 'runs', 'errors', 'tiny')).stdout).toBe('no errors\n');
    expect(await pixlake(lake, 'runs', 'show', 'nothing')).toMatchObject({ code: 3 });
    expect(await pixlake(lake, 'runs', 'cancel', 'tiny')).toMatchObject({ code: 2 });
    const png = join(folder, 'sheet.png');
    expect(await pixlake(lake, 'runs', 'sheet', 'tiny', '--output', png)).toMatchObject({ code: 0 });
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png' });
  });

  test('the demo does the whole job, and its counts add up', async () => {
    const folder = join(await makeTestFolder(), 'demo');
    const { stdout, code } = await pixlake('.', 'demo', '--folder', folder, '--rows', '200');
    expect(code).toBe(0);
    const [, rows, ingested, without, rejected] = (
      /(\d+) rows = (\d+) ingested \+ (\d+) without image \+ (\d+) rejected/u.exec(stdout) ?? []
    ).map(Number);
    expect([rows, rejected]).toEqual([200, 0]);
    expect((ingested ?? 0) + (without ?? 0)).toBe(200);
    const [, selected, copies, written, failed] = (
      /(\d+) rows x (\d+) copies = (\d+) images written \+ (\d+) failed/u.exec(stdout) ?? []
    ).map(Number);
    expect((written ?? 0) + (failed ?? 0)).toBe((selected ?? 0) * (copies ?? 0));
    expect(stdout).toContain('untrained');
    expect((await stat(join(folder, 'contact-sheet.png'))).size).toBeGreaterThan(20_000);
  });
});

describe('sql/', () => {
  const folder = join(import.meta.dirname, '../../sql');
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));

  test('every question has a title and runs on the sample', async () => {
    expect(names.length).toBeGreaterThanOrEqual(3);
    const root = await makeTestFolder();
    const lake = join(root, 'lake');
    await pixlakeJson(lake, 'sample', join(root, 'catalogue'));
    await pixlakeJson(lake, 'ingest', join(root, 'catalogue'));
    for (const name of names) {
      const sql = readFileSync(join(folder, name), 'utf8');
      expect(sql, name).toMatch(/^-- \S.*\n/u);
      await using query = await openLakehouse({ lake }).query(sql);
      let rowCount = 0;
      for await (const batch of query.batches) rowCount += batch.rowCount;
      expect(rowCount, name).toBeGreaterThan(0);
    }
  });
});
