import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLakehouse, type RunListing, type RunReport } from '../../src/index.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { inputsOf, readExecution } from '../../src/run/read-executions.ts';
import { toRunId } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { queryRows, runWith } from '../support/run-in-process.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

test('a specification as layout 2 began is read, and its id is still the same', async () => {
  const store = openLocalStore(await makeTestFolder());
  const bytes = await readFile(join(FIXTURES, 'layout-2-spec.json'));
  const folder = 'runs/labelled/run_id=db5b247b234167d9';
  await store.write(executionKeys.spec(folder), bytes);
  const execution = await readExecution(store, folder);
  expect(execution).toMatchObject({
    runId: 'db5b247b234167d9',
    plannedMs: 1_795_816_800_000,
    run: { name: 'labelled', copies: 3, seed: 7, transform: { size: 64, flip: 0.5, quality: 90 } },
    plan: { volatileBecause: ['its LIMIT has no ORDER BY id'] },
  });
  expect(toRunId(execution.run, inputsOf(execution))).toBe('db5b247b234167d9');
  expect(folderOf(execution)).toBe(folder);
});

test('a run of layout 1 is listed and refused with what to do, its manifest attached, and the run repeated', async () => {
  const uri = join(await makeTestFolder(), 'lake');
  await cp(join(FIXTURES, 'layout-1-run'), uri, { recursive: true });
  const lakehouse = openLakehouse({ lake: uri });
  const folder = 'runs/old/run_id=d4ec153afb02aed3';
  const manifest = join(uri, folder, 'manifest');
  const refusal = {
    code: 'RUN_TOO_OLD',
    message: expect.stringContaining(folder),
    remedy: expect.stringMatching(/run it again.*attach/u),
  };
  expect(await pixlakeJson<RunListing>(uri, 'runs', 'list')).toMatchObject({
    runs: [],
    unreadable: [{ name: 'old', folder, ...refusal }],
  });
  const { code, stdout } = await pixlake(uri, 'runs', 'list');
  expect(code).toBe(0);
  expect(stdout).toContain(`attach <table> ${manifest}`);
  await expect(lakehouse.runs.show('old')).rejects.toMatchObject(refusal);
  await expect(lakehouse.runs.errors('old')).rejects.toMatchObject(refusal);
  await expect(lakehouse.runs.resume('old')).rejects.toMatchObject(refusal);
  await expect(queryRows({ lakehouse }, 'FROM runs.old')).rejects.toMatchObject(refusal);
  await expect(queryRows({ lakehouse }, 'FROM errors.old')).rejects.toMatchObject(refusal);
  await expect(lakehouse.tables.verify('runs.old')).rejects.toMatchObject(refusal);
  // What a lake of layout 1 has besides is read as ever, and reading does not change its version.
  expect(await lakehouse.tables.verify('images', true)).toMatchObject({ imageCount: 2, problems: [] });
  expect(JSON.parse(await readFile(join(uri, 'pixlake.json'), 'utf8'))).toEqual({ layoutVersion: 1 });
  expect((await lakehouse.tables.list()).map(({ name }) => name)).toContain('images');

  await lakehouse.tables.attach('rescued', manifest);
  const rows = 'SELECT id::INTEGER AS id, image_sha256 FROM % ORDER BY id';
  const before = await queryRows<{ id: number }>({ lakehouse }, rows.replace('%', 'rescued'));
  expect(before.map(({ id }) => id)).toEqual([1, 2]);

  const spec = { name: 'old', sql: 'SELECT * FROM images', transform: { size: 16 } };
  const report: RunReport = await runWith(openLocalStore(uri), spec);
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 2 });
  expect(await queryRows({ lakehouse }, rows.replace('%', 'runs.old'))).toEqual(before);
  expect(await lakehouse.runs.show('old')).toMatchObject({ state: 'finished', imageCount: 2 });
  expect(await lakehouse.runs.list()).toMatchObject({
    runs: [{ state: 'finished' }],
    unreadable: [{ folder }],
  });
  expect(await lakehouse.tables.verify('runs.old', true)).toMatchObject({ imageCount: 2, problems: [] });
  expect(await runWith(openLocalStore(uri), spec)).toMatchObject({ outcome: 'repeated' });
});
