import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type RunListing, type RunReport, type RunStatus } from '../../src/index.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import {
  findNewestExecution,
  inputsOf,
  listExecutions,
  readExecution,
  runNotFound,
  writeExecution,
} from '../../src/run/read-executions.ts';
import { REMOVED_SPEC } from '../../src/catalog/run-folders.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeExecution } from '../support/execution.ts';
import { keysOf } from '../support/keys-of.ts';
import { toRunId } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { startServer } from '../api/server-fixture.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makeLake, queryRows, runWith, type TestLake, wrapStore } from '../support/run-in-process.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

/** Gives every file and folder of a lake the time that `timeOf` says. */
async function setTimes(uri: string, timeOf: (path: string) => Date): Promise<void> {
  for (const name of await readdir(uri, { recursive: true })) {
    const time = timeOf(name);
    await utimes(join(uri, name), time, time);
  }
}

/** A lake with two finished executions of one run: that of 3 rows was planned first and finished last. */
async function makeDailyLake(): Promise<TestLake> {
  const lake = await makeLake(3);
  const spec = { name: 'daily', sql: 'SELECT * FROM images' };
  let go = (): void => undefined;
  const isLaterDone = new Promise<void>((resolve) => (go = resolve));
  let hasPlanned = (): void => undefined;
  const isPlanned = new Promise<void>((resolve) => (hasPlanned = resolve));
  const store = wrapStore(lake.store, {
    writeIfAbsent: async (key, bytes, options) => {
      if (key.endsWith('spec.json')) {
        hasPlanned();
        await isLaterDone;
      }
      return lake.store.writeIfAbsent(key, bytes, options);
    },
  });
  const first = runWith(store, spec);
  await isPlanned;
  const more = await writeCatalogue(await makeTestFolder(), [csvLine({ id: 4 }), csvLine({ id: 5 })], {
    '4.jpg': await drawJpeg(4, 12, 16),
    '5.jpg': await drawJpeg(5, 12, 16),
  });
  await lake.lakehouse.ingest({ source: more });
  expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', imageCount: 5 });
  go();
  expect(await first).toMatchObject({ outcome: 'finished', imageCount: 3 });
  return lake;
}

test('the newest execution is the one that was planned last, in every copy of a lake, for CLI, REST and SQL', async () => {
  const { uri, store } = await makeDailyLake();
  const newest = await findRun(store, 'daily');
  expect(newest.execution.rowCount).toBe(5);
  const folder = await makeTestFolder();
  const copies = Object.fromEntries(
    ['copied', 'reversed', 'equal', 'packed'].map((name) => [name, join(folder, name)]),
  ) as Record<'copied' | 'reversed' | 'equal' | 'packed', string>;
  for (const copy of [copies.copied, copies.reversed, copies.equal]) await cp(uri, copy, { recursive: true });
  await setTimes(copies.reversed, (path) => new Date(path.includes(newest.execution.runId) ? 1e12 : 2e12));
  await setTimes(copies.equal, () => new Date(1.5e12));
  await mkdir(copies.packed);
  execFileSync('tar', ['-C', uri, '--mtime=@1000000000', '-cf', `${copies.packed}.tar`, '.']);
  execFileSync('tar', ['-C', copies.packed, '-xf', `${copies.packed}.tar`]);

  const places = Object.entries({ own: uri, ...copies });
  expect(places).toHaveLength(5);
  for (const [name, copy] of places) {
    const { runs } = await pixlakeJson<RunListing>(copy, 'runs', 'list');
    expect(
      runs.map(({ execution }) => execution.rowCount),
      name,
    ).toEqual([5, 3]);
    const shown = await pixlakeJson<RunStatus>(copy, 'runs', 'show', 'daily');
    expect(shown.folder, name).toBe(newest.folder);
    expect((await findRun(openLocalStore(copy), 'daily')).folder, name).toBe(newest.folder);
    const lakehouse = openLakehouse({ lake: copy });
    const [row] = await queryRows(
      { lakehouse },
      'SELECT count(*)::INTEGER AS n, min(run_id) AS run FROM runs.daily',
    );
    expect(row, name).toEqual({ n: 5, run: newest.execution.runId });
    expect(await lakehouse.tables.verify('runs.daily', true), name).toMatchObject({
      imageCount: 5,
      problems: [],
    });
  }
  const server = await startServer(copies.reversed);
  try {
    const resource: unknown = await (await server.get('/v1/runs/daily')).json();
    expect(resource).toMatchObject({ runId: newest.execution.runId, rowCount: 5 });
    const answer = await server.post('/v1/query', { sql: 'SELECT count(*)::INTEGER AS n FROM runs.daily' });
    expect(await answer.json()).toEqual([{ n: 5 }]);
  } finally {
    await server.stop();
  }
});

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

describe('the execution of a folder', () => {
  const EXECUTION = makeExecution('r');
  const FOLDER = folderOf(EXECUTION);
  const KEY = executionKeys.spec(FOLDER);

  test('is frozen once, durably, and read as it was frozen', async () => {
    const store = openLocalStore(await makeTestFolder());
    const seen: unknown[] = [];
    const watched = wrapStore(store, {
      writeIfAbsent: async (key, bytes, options) => {
        seen.push([key, options]);
        return store.writeIfAbsent(key, bytes, options);
      },
    });
    expect(await writeExecution(watched, EXECUTION)).toBe(true);
    expect(await writeExecution(store, { ...EXECUTION, software: 'other' })).toBe(false);
    expect(seen).toEqual([[KEY, { durable: true }]]);
    expect(await keysOf(store)).toEqual([KEY]);
    expect(await readExecution(store, FOLDER)).toEqual(EXECUTION);
    expect(await findNewestExecution(store, 'r')).toEqual(EXECUTION);
    expect(await findNewestExecution(store, 'none')).toBeUndefined();
    expect(inputsOf(EXECUTION)).toEqual({
      versions: { 'tables/t': '0' },
      planVersion: 1,
      pixelsVersion: 1,
      manifestVersion: 1,
      modelSha256: undefined,
    });
  });

  test.each<[string, Buffer | undefined, object]>([
    ['is not there', undefined, { code: 'RUN_NOT_FOUND', message: `no run exists in ${FOLDER}` }],
    [
      'is being deleted',
      REMOVED_SPEC,
      {
        code: 'RUN_REMOVED',
        message: `the deletion of ${FOLDER} was interrupted`,
        remedy: 'finish the deletion, then start the run again: pixlake runs delete r',
      },
    ],
    ['is torn', encodeStored(EXECUTION).subarray(0, -9), { code: 'RUN_CORRUPT' }],
    ['lacks a field', encodeStored({ ...EXECUTION, rowCount: undefined }), { code: 'RUN_CORRUPT' }],
    [
      'is another one',
      encodeStored({ ...EXECUTION, run: { ...EXECUTION.run, seed: 7 } }),
      {
        code: 'RUN_CORRUPT',
        message: expect.stringMatching(/does not match the id in the name of its folder$/u),
      },
    ],
    [
      'is that of another folder',
      encodeStored({ ...makeExecution('r', { versions: { 'tables/t': '5' } }) }),
      {
        code: 'RUN_CORRUPT',
        message: expect.stringMatching(/does not match the id in the name of its folder$/u),
      },
    ],
  ])('that %s is refused', async (_, bytes, error) => {
    const store = openLocalStore(await makeTestFolder());
    if (bytes !== undefined) await store.write(KEY, bytes);
    await expect(readExecution(store, FOLDER)).rejects.toMatchObject(error);
  });

  test('that is damaged may be the newest, so that none is', async () => {
    const store = openLocalStore(await makeTestFolder());
    await writeExecution(store, EXECUTION);
    const newer = makeExecution('r', { versions: { 'tables/t': '1' }, plannedMs: 2 });
    await writeExecution(store, newer);
    expect((await listExecutions(store, 'r')).executions).toEqual([newer, EXECUTION]);
    const other = { ...EXECUTION, run: { ...EXECUTION.run, seed: 7 } };
    await store.write(executionKeys.spec('runs/r/run_id=0000000000000000'), encodeStored(other));
    const { executions, unreadable } = await listExecutions(store, 'r');
    expect(executions).toEqual([newer, EXECUTION]);
    expect(unreadable).toMatchObject([
      { folder: 'runs/r/run_id=0000000000000000', isFinished: false, error: { code: 'RUN_CORRUPT' } },
    ]);
    await expect(findNewestExecution(store, 'r')).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: unreadable[0]?.error.message,
    });
  });

  test('that cannot be read for another reason is no damaged one', async () => {
    const store = openLocalStore(await makeTestFolder());
    await writeExecution(store, EXECUTION);
    const broken = wrapStore(store, { locate: () => expect.fail('no such drive') });
    await expect(listExecutions(broken, 'r')).rejects.toThrow('no such drive');
  });

  test('of a name that is not there is an error with the names that are', async () => {
    const store = openLocalStore(await makeTestFolder());
    expect(await runNotFound(store, 'x')).toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: `no run x exists in ${store.uri}`,
      remedy: 'the lake has no runs yet',
    });
    for (const name of ['a', 'b']) await writeExecution(store, makeExecution(name));
    expect((await runNotFound(store, 'x')).remedy).toBe('the lake has: a, b');
  });
});
