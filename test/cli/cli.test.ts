import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { DuckDBInstance } from '@duckdb/node-api';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { fillSavedQuery, listSavedQueries, openLakehouse, VERSION } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson, pixlakeProcess, startPixlake } from '../support/pixlake.ts';

async function makeLake(rowCount: number): Promise<{ lake: string; folder: string }> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await openLakehouse({ lake }).ingest({
    source: await writePlainCatalogue(join(folder, 'source'), rowCount),
  });
  return { lake, folder };
}

const COMMANDS =
  'sample ingest tables query run runs demo history restore delete optimize vacuum verify attach detach'.split(
    ' ',
  );

describe('the command line', () => {
  test('has help with examples for each command, a version, and exit code 2 for misuse', async () => {
    const { stdout, code } = await pixlakeProcess('.', '--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `);
    expect((await pixlake('.', '--version')).stdout).toBe(`${VERSION}\n`);
    expect((await pixlake('.', 'ingest', '--help')).stdout).toContain('Examples:');
    expect((await pixlakeProcess('.', 'fly')).code).toBe(2);
    expect((await pixlake('.', 'query')).code).toBe(2);
  });

  test('a missing lake is named, with what to do', async () => {
    const folder = await makeTestFolder();
    const { code, stderr, stdout } = await pixlakeProcess(join(folder, 'nothing'), 'query', 'SELECT 1');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('[LAKE_NOT_FOUND]');
    expect(stderr).toContain('pixlake ingest');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a reader that has seen enough ends the program, which is no error', async () => {
    const { lake } = await makeLake(1);
    const child = startPixlake(lake, 'query', 'FROM range(1000000)', '--format', 'csv');
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await ended).toEqual([0, null]);
  });

  test('query streams every format, to standard output and to files', async () => {
    const { lake, folder } = await makeLake(9);
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
    const { lake, folder } = await makeLake(1);
    const before = await readdir(folder, { recursive: true });
    for (const [output, code, text] of [
      ['no/such/folder.csv', 5, /the folder .*no\/such.* does not exist.*\[OUTPUT_FAILED\]/u],
      ['no/such/folder.parquet', 5, /the folder .*no\/such.* does not exist.*\[OUTPUT_FAILED\]/u],
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

  test('ingest exits with 3 if it takes in nothing, or has more errors than it may', async () => {
    const { lake, folder } = await makeLake(2);
    const csv = join(folder, 'more.csv');
    const ingest = (...options: readonly string[]): ReturnType<typeof pixlake> =>
      pixlake(lake, 'ingest', csv, '--images', join(folder, 'source/images'), ...options);
    await writeFile(csv, 'id\n1\n7\n8\n');
    const failed = await ingest('--max-errors', '50%');
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('[TOO_MANY_ERRORS]') });
    expect(failed.stderr).toMatch(/2 of 3 rows .*\n.*ingests\/images\/\S+\/without-image\.csv/u);
    expect(await ingest('--max-errors', '2')).toMatchObject({ code: 0 });
    expect(await ingest('--max-errors', 'few')).toMatchObject({ code: 2 });
    await writeFile(csv, 'id\n001\n002\n');
    const empty = await ingest('--table', 'other');
    expect(empty).toMatchObject({ code: 3, stderr: expect.stringContaining('[INGEST_EMPTY]') });
    expect(empty.stderr).toContain('ids: 001, 002; image files: 1.jpg, 2.jpg');
  });

  test('query --explain names snapshot, files and plan', async () => {
    const { lake } = await makeLake(3);
    const { stdout } = await pixlake(lake, 'query', 'SELECT * FROM images WHERE id = 1', '--explain');
    expect(stdout).toContain('images at version 0: 1 data files considered, 0 pruned, 1 read');
    const none = await pixlake(lake, 'query', 'SELECT * FROM images WHERE id = 9', '--explain');
    expect(none.stdout).toContain('1 data files considered, 1 pruned, 0 read');
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
    expect(stdout).toContain('pred_articleType');
    expect(stdout).not.toContain('untrained');
    expect((await stat(join(folder, 'contact-sheet.png'))).size).toBeGreaterThan(20_000);
  });

  test('looks after tables: history, delete, restore, optimize, vacuum, verify, attach', async () => {
    const { lake, folder } = await makeLake(6);
    const say = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await pixlake(lake, ...args);
      return code === 0 ? stdout.trim() : `${code}: ${stderr}`;
    };
    expect(await say('delete', 'images', '--where', 'id = 2', '--dry-run')).toBe(
      'would delete 1 rows in 1 data files',
    );
    expect(await say('delete', 'images', '--where', 'id = 2')).toBe(
      'deleted 1 rows in 1 data files; table images is at version 1',
    );
    expect(await say('query', 'SELECT count(*) AS n FROM images', '--at', '0', '--format', 'csv')).toBe(
      'n\n6',
    );
    expect(await say('restore', 'images', '--to', '0')).toContain('is at version 2, which equals version 0');
    expect(await say('history', 'images')).toMatch(/^v2 .* RESTORE .*\nv1 .* DELETE .*\nv0 .* WRITE /u);
    expect(await pixlakeJson(lake, 'history', 'images', '--limit', '1')).toMatchObject([{ version: 2 }]);
    expect(await say('optimize', 'images')).toContain('nothing to compact');
    expect(await say('optimize', 'images', '--target-size', '0')).toMatch(/^2: .*expected a size/su);
    expect(await say('vacuum', 'images', '--retain', '0s', '--dry-run')).toMatch(
      /^lake\S*part-\S+\.parquet\nwould remove 1 data files|would remove 1 data files/u,
    );
    expect(await say('vacuum', 'images', '--retain', '1h')).toBe('removed 0 data files (0 B)');
    expect(await say('vacuum', 'images', '--retain', 'long')).toMatch(/^2: .*expected a duration/su);
    expect(await say('attach', 'mirror', join(lake, 'tables/images'))).toMatch(
      /^mirror is the Delta table at /u,
    );
    expect(await say('tables')).toContain('mirror  version 2, 6 rows in 1 files');
    expect(await say('verify', '--deep')).toBe(
      'images at version 2: 1 data files, 6 rows, 6 images: whole\nmirror at version 2: 1 data files, 6 rows: whole',
    );
    expect(await say('detach', 'mirror')).toBe('mirror is no longer attached');
    await rm(join(folder, 'lake/originals/images/1.jpg'));
    const broken = await pixlake(lake, 'verify', 'images', '--deep');
    expect(broken).toMatchObject({ code: 5, stderr: expect.stringContaining('[VERIFY_FAILED]') });
    expect(broken.stdout).toContain('originals/images/1.jpg is missing');
  });
});

describe('sql/', () => {
  test('every saved query runs on the sample, by its defaults and with what it is given', async () => {
    const queries = await listSavedQueries();
    const files = readdirSync(join(import.meta.dirname, '../../sql'));
    expect(queries.map(({ name }) => `${name}.sql`)).toEqual(files.toSorted());
    expect(queries.length).toBeGreaterThanOrEqual(10);
    const root = await makeTestFolder();
    const lake = join(root, 'lake');
    await pixlakeJson(lake, 'sample', join(root, 'catalogue'));
    await pixlakeJson(lake, 'ingest', join(root, 'catalogue'));
    const run = ['run', '--name', 'labelled', '--sql', 'SELECT * FROM images', '--model', 'fashion-tiny'];
    await pixlakeJson(lake, ...run, '--size', '80');
    const lakehouse = openLakehouse({ lake });
    for (const saved of queries) {
      await using plan = await lakehouse.query(fillSavedQuery(saved), { isExplained: true });
      expect(plan.columns.length, saved.name).toBeGreaterThan(0);
      // No two images of the sample are the same.
      const given = saved.name === 'duplicate-images' ? ['--param', 'least=1'] : [];
      const rows = await pixlakeJson<unknown[]>(lake, 'sql', 'run', saved.name, ...given);
      expect(rows.length, saved.name).toBeGreaterThan(0);
    }
    const latest = await pixlakeJson<{ year: number }[]>(
      lake,
      'sql',
      'run',
      'mens-shoes-after',
      '--param',
      'year=2015',
    );
    expect(latest.every(({ year }) => year > 2015)).toBe(true);
    const balanced = await pixlakeJson<{ masterCategory: string }[]>(
      lake,
      'sql',
      'run',
      'balanced-sample',
      '--param',
      'per_class=3',
    );
    const counts = new Map<string, number>();
    for (const { masterCategory } of balanced)
      counts.set(masterCategory, (counts.get(masterCategory) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBe(3);
  });

  test('list, show and errors', async () => {
    const lake = join(await makeTestFolder(), 'none');
    const { stdout } = await pixlake(lake, 'sql', 'list');
    expect(stdout).toContain('mens-shoes-after');
    expect(stdout).toContain('--param year=2012  the last excluded year');
    const shown = await pixlake(lake, 'sql', 'show', 'mens-shoes-after', '--param', 'year=1999');
    expect(shown.stdout).toContain('year > 1999');
    for (const [args, code] of [
      [['show', 'nothing'], 'SAVED_QUERY_NOT_FOUND'],
      [['show', '../package'], 'SAVED_QUERY_NOT_FOUND'],
      [['show', 'mens-shoes-after', '--param', 'year=x'], 'ARGUMENT_INVALID'],
      [['show', 'mens-shoes-after', '--param', 'month=1'], 'ARGUMENT_INVALID'],
    ] as const)
      expect((await pixlake(lake, 'sql', ...args)).stderr).toContain(code);
  });
});
