import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RetryReport, RunReport, RunStatus } from '../../src/index.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

const IDS = [1, 2, 3, 4, 5, 6];

interface ErrorRow {
  readonly id: string;
  readonly copy: number;
  readonly code: string;
}

/** A finished run of two copies each, in which 2 and 4 are not there and 3 is damaged. */
async function makeBrokenRun(): Promise<{
  lake: string;
  report: RunReport;
  mend: (id: number) => Promise<void>;
}> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const images = await Promise.all(IDS.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
  const source = await writeCatalogue(
    join(folder, 'source'),
    IDS.map((id) => csvLine({ id })),
    Object.fromEntries(
      images.map(([name, bytes]) => [name, name === '3.jpg' ? bytes.subarray(0, 400) : bytes]),
    ),
  );
  await pixlakeJson(lake, 'ingest', source);
  const original = (id: number): string => join(lake, `originals/images/${id}.jpg`);
  for (const id of [2, 4]) await rename(original(id), `${original(id)}.away`);
  const report = await pixlakeJson<RunReport>(
    lake,
    'run',
    '--name',
    'r',
    '--sql',
    'SELECT * FROM images',
    '--copies',
    '2',
  );
  expect(report).toMatchObject({ imageCount: 6, errorCount: 6 });
  return { lake, report, mend: (id) => rename(`${original(id)}.away`, original(id)) };
}

const errorsOf = async (lake: string, version = ''): Promise<string[]> => {
  const rows = await pixlakeJson<ErrorRow[]>(
    lake,
    'query',
    `SELECT id, copy, code FROM errors.r${version} ORDER BY id, copy`,
  );
  return rows.map(({ id, copy, code }) => `${id}/${copy} ${code}`);
};

const manifestOf = async (lake: string, version = ''): Promise<string[]> => {
  const rows = await pixlakeJson<{ image_id: string }[]>(
    lake,
    'query',
    `SELECT image_id FROM runs.r${version} ORDER BY 1`,
  );
  return rows.map(({ image_id }) => image_id);
};

/** Time and contents of every file of the run but its tables' logs. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => !/_delta_log|\/retries\//u.test(name));
  const entries = names.map(async (name) => {
    const { mtimeMs, size } = await stat(name);
    return [name, `${mtimeMs} ${size}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

test('a retry does what failed again, and only that; what was written stays as it is', async () => {
  const { lake, report, mend } = await makeBrokenRun();
  const failed = ['2/0 OBJECT_NOT_FOUND', '2/1 OBJECT_NOT_FOUND', '3/0 IMAGE_CORRUPT', '3/1 IMAGE_CORRUPT'];
  const missing = ['4/0 OBJECT_NOT_FOUND', '4/1 OBJECT_NOT_FOUND'];
  expect(await errorsOf(lake)).toEqual([...failed, ...missing]);
  const first = await manifestOf(lake);
  const before = await filesOf(join(lake, report.folder));
  await mend(2);
  expect(await pixlake(lake, 'runs', 'retry', 'r', '--stage', 'never')).toMatchObject({ code: 2 });
  const retry = await pixlakeJson<RetryReport>(lake, 'runs', 'retry', 'r', '--stage', 'read');
  expect(retry).toMatchObject({ number: 1, retriedCount: 4, imageCount: 2, errorCount: 2 });
  expect(await filesOf(join(lake, report.folder))).toMatchObject(before);
  expect(await manifestOf(lake)).toEqual([...first, '2-0', '2-1'].sort());
  expect(await manifestOf(lake, '@v0')).toEqual(first);
  expect(await errorsOf(lake)).toEqual(['3/0 IMAGE_CORRUPT', '3/1 IMAGE_CORRUPT', ...missing]);
  expect(await errorsOf(lake, '@v0')).toEqual([...failed, ...missing]);
  expect(await pixlakeJson<RunStatus>(lake, 'runs', 'show', 'r')).toMatchObject({
    state: 'finished',
    imageCount: 8,
    errorCount: 4,
    retryCount: 1,
  });
  await mend(4);
  expect(await pixlakeJson(lake, 'runs', 'retry', 'r', '--code', 'OBJECT_NOT_FOUND')).toMatchObject({
    number: 2,
    imageCount: 2,
    errorCount: 0,
  });
  expect(await errorsOf(lake)).toEqual(['3/0 IMAGE_CORRUPT', '3/1 IMAGE_CORRUPT']);
  expect((await pixlake(lake, 'verify', 'runs.r', '--deep')).code).toBe(0);
  expect((await pixlake(lake, 'verify', 'errors.r', '--deep')).code).toBe(0);
});

test('what a retry makes is what the run itself would have made', async () => {
  const { lake, mend } = await makeBrokenRun();
  await mend(2);
  await pixlakeJson(lake, 'runs', 'retry', 'r');
  const other = ['run', '--name', 'whole', '--sql', 'SELECT * FROM images WHERE id < 3', '--copies', '2'];
  await pixlakeJson(lake, ...other);
  const rows = async (run: string): Promise<unknown> =>
    pixlakeJson(
      lake,
      'query',
      `SELECT * EXCLUDE (image_key, sql, run_id) FROM runs.${run} WHERE id = 2 ORDER BY copy`,
    );
  expect(await rows('r')).toEqual(await rows('whole'));
});

test('a retry in which everything fails again changes nothing, however often it is done', async () => {
  const { lake } = await makeBrokenRun();
  const [manifest, errors] = [await manifestOf(lake), await errorsOf(lake)];
  for (const number of [1, 2]) {
    expect(await pixlakeJson(lake, 'runs', 'retry', 'r')).toMatchObject({
      number,
      imageCount: 0,
      errorCount: 6,
    });
    expect(await manifestOf(lake)).toEqual(manifest);
    expect(await errorsOf(lake)).toEqual(errors);
  }
  for (const table of ['runs.r', 'errors.r'])
    expect(await pixlakeJson(lake, 'history', table)).toHaveLength(1);
  expect(await pixlakeJson(lake, 'runs', 'retry', 'r', '--code', 'IMAGE_EMPTY')).toMatchObject({
    retriedCount: 0,
  });
});

test('a retry that was interrupted before its end is finished by the next one', async () => {
  const { lake, report, mend } = await makeBrokenRun();
  await mend(2);
  await pixlakeJson(lake, 'runs', 'retry', 'r');
  const success = join(lake, report.folder, 'retries/1/_SUCCESS');
  const counts = await readFile(success);
  await writeFile(success, '');
  expect(await pixlakeJson(lake, 'runs', 'retry', 'r')).toMatchObject({ number: 1, imageCount: 2 });
  expect(await readFile(success)).toEqual(counts);
  expect(await manifestOf(lake)).toHaveLength(8);
});

test('an unfinished run is not retried', async () => {
  const { lake, report } = await makeBrokenRun();
  await rename(join(lake, report.folder, '_SUCCESS'), join(lake, report.folder, 'away'));
  const { code, stderr } = await pixlake(lake, 'runs', 'retry', 'r', '--json');
  expect(code).toBe(4);
  expect(stderr).toContain('RUN_UNFINISHED');
});
