import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listSavedQueries } from '../../src/sql/saved-query.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

test('every saved query runs on the sample, by its defaults and with what it is given', async () => {
  const queries = await listSavedQueries();
  const files = readdirSync(join(import.meta.dirname, '../../sql'));
  expect(queries.map(({ name }) => `${name}.sql`)).toEqual(files.toSorted());
  expect(queries.length).toBeGreaterThanOrEqual(10);
  const root = await makeTestFolder();
  const lake = join(root, 'lake');
  await pixlakeJson(lake, 'sample', join(root, 'catalogue'), '--rows', '300');
  await pixlakeJson(lake, 'ingest', join(root, 'catalogue'));
  const run = ['run', '--name', 'labelled', '--sql', 'SELECT * FROM images', '--model', 'fashion-tiny'];
  await pixlakeJson(lake, ...run, '--size', '80');
  for (const saved of queries) {
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
  expect(latest).not.toEqual([]);
  expect(latest.filter(({ year }) => year <= 2015)).toEqual([]);
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
  const indented = stdout.split('\n').filter((line) => line.includes('--param'));
  const width = Math.max(...(await listSavedQueries()).map(({ name }) => name.length));
  expect(indented.map((line) => line.indexOf('--param'))).toEqual(indented.map(() => width + 4));
  expect(stdout.split('\n')[0]).toMatch(new RegExp(`^accuracy-per-head {${width - 15}}\\S`, 'u'));
  expect(await pixlakeJson(lake, 'sql', 'list')).toEqual(await listSavedQueries());
  const own = join(lake, '../own.sql');
  await writeFile(own, '-- Own\n-- $a TEXT = x: a\n-- $b TEXT = y: b\nSELECT $a || $b');
  const filled = await pixlake(lake, 'sql', 'show', own, '--param', 'a=1=2', '--param', 'b=');
  expect(filled.stdout).toBe("SELECT '1=2' || ''\n");
  for (const param of ['a', '=a']) {
    const refused = await pixlake(lake, 'sql', 'show', own, '--param', param);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('expected name=value')]);
  }
  for (const [args, code] of [
    [['show', 'nothing'], 'SAVED_QUERY_NOT_FOUND'],
    [['show', '../package'], 'SAVED_QUERY_NOT_FOUND'],
    [['show', 'mens-shoes-after', '--param', 'year=x'], 'ARGUMENT_INVALID'],
    [['show', 'mens-shoes-after', '--param', 'month=1'], 'ARGUMENT_INVALID'],
  ] as const)
    expect((await pixlake(lake, 'sql', ...args)).stderr).toContain(code);
});
