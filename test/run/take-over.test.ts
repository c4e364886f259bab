import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { findEarlierImages } from '../../src/run/take-over.ts';
import type { RunReport } from '../../src/index.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makeLake, openTestDb, queryRows, runWith, type TestLake } from '../support/run-in-process.ts';

const RUN = [
  'run',
  '--name',
  'daily',
  '--sql',
  'SELECT * FROM images',
  '--copies',
  '2',
  '--flip',
  '0.5',
  '--shard-size',
  '4',
];

async function ingest(
  lake: string,
  source: string,
  rows: readonly { id: number; title?: string; shade?: number }[],
): Promise<void> {
  await rm(source, { recursive: true, force: true });
  const images = await Promise.all(
    rows.map(async ({ id, shade = id }) => [`${id}.jpg`, await drawJpeg(shade)] as const),
  );
  await writeCatalogue(
    source,
    rows.map(({ id, title }) => csvLine({ id, ...(title ? { title } : {}) })),
    Object.fromEntries(images),
  );
  await pixlakeJson(lake, 'ingest', source);
}

const ids = (first: number, count: number): { id: number }[] =>
  Array.from({ length: count }, (_, index) => ({ id: first + index }));

/** The manifest, row for row, but for where images lie. */
const manifestOf = async (lake: string): Promise<unknown[]> =>
  pixlakeJson<unknown[]>(lake, 'query', 'SELECT * EXCLUDE (image_key) FROM runs.daily ORDER BY id, copy');

async function countImages(lake: string, { folder }: RunReport): Promise<number> {
  const names = await readdir(join(lake, folder, 'images'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.jpg')).length;
}

test('a run on a newer version of its table makes new and changed images only; its manifest is that of a full run', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await ingest(lake, join(folder, 'source'), ids(1, 20));
  const first = await pixlakeJson<RunReport>(lake, ...RUN);
  expect(first).toMatchObject({ imageCount: 40, takenCount: 0 });
  // One original changes, one row's title, one row goes, five come.
  await pixlakeJson(lake, 'delete', 'images', '--where', 'id = 20');
  await ingest(lake, join(folder, 'source'), [
    { id: 1, shade: 77 },
    { id: 2, title: 'Renamed' },
    ...ids(3, 17),
    ...ids(21, 5),
  ]);
  const second = await pixlakeJson<RunReport>(lake, ...RUN);
  expect(second).toMatchObject({
    outcome: 'finished',
    shardCount: 6,
    rowCount: 24,
    imageCount: 48,
    takenCount: 36,
    errorCount: 0,
  });
  expect(await countImages(lake, second)).toBe(12);
  const incremental = await manifestOf(lake);
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).code).toBe(0);
  await rm(join(lake, second.folder), { recursive: true });
  const full = await pixlakeJson<RunReport>(lake, ...RUN, '--full');
  expect(full).toMatchObject({ runId: second.runId, imageCount: 48, takenCount: 0 });
  expect(await countImages(lake, full)).toBe(48);
  expect(await manifestOf(lake)).toEqual(incremental);
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).code).toBe(0);
});

describe('images of an earlier execution', () => {
  const SPEC: RunSpec = { name: 'daily', sql: 'SELECT id FROM images', copies: 2, transform: { size: 8 } };

  /** A lake with a finished run of three images, of which one copy of 3 is missing in the manifest. */
  async function makeEarlier(
    spec: Partial<RunSpec> = {},
  ): Promise<{ readonly lake: TestLake; readonly execution: Execution }> {
    const lake = await makeLake(3);
    const { folder } = await runWith(lake.store, { ...SPEC, ...spec });
    return { lake, execution: await readExecution(lake.store, folder) };
  }

  async function takenFrom({ store }: TestLake, head: Execution): Promise<object[] | undefined> {
    using db = await openTestDb();
    const earlier = await findEarlierImages(db, store, head);
    if (earlier === undefined) return undefined;
    expect(earlier.runId).toMatch(/^[0-9a-f]{16}$/u);
    return await db.rows<object>(
      `SELECT __taken_id AS id, __taken_sha256 AS sha256, len(__taken) AS copies, __taken[1].image_id AS first,
         __taken[1].image_sha256 AS image, list_transform(__taken, lambda x: x."copy") AS numbers
       FROM (${earlier.select}) ORDER BY 1`,
    );
  }

  test.each([1, 2])('are taken by id and original, with all %i of their copies in order', async (copies) => {
    const { lake, execution } = await makeEarlier({ copies });
    const rows = await queryRows<{ id: number; source: string; image: string; name: string }>(
      lake,
      'SELECT id, source_sha256 AS source, image_sha256 AS image, image_id AS name FROM runs.daily WHERE copy = 0 ORDER BY id',
    );
    expect(await takenFrom(lake, execution)).toEqual(
      rows.map(({ id, source, image, name }) => ({
        id: String(id),
        sha256: source,
        copies: BigInt(copies),
        first: name,
        image,
        numbers: copies === 1 ? [0] : [0, 1],
      })),
    );
    expect(rows).toHaveLength(3);
  });

  test('are not taken where one of the copies failed', async () => {
    const { lake, execution } = await makeEarlier();
    const more = { ...execution, run: { ...execution.run, copies: 3 } };
    expect(await takenFrom(lake, more)).toBeUndefined();
    await lake.store.delete('originals/images/2.jpg');
    const { folder } = await runWith(lake.store, { ...SPEC, name: 'failed' });
    const failed = await readExecution(lake.store, folder);
    expect((await takenFrom(lake, failed))?.map((row) => String(Reflect.get(row, 'id')))).toEqual(['1', '3']);
  });

  test('are not taken with anything else that they depend on', async () => {
    const { lake, execution } = await makeEarlier({ copies: 1 });
    const { run } = execution;
    const model = { name: 'm', sha256: 'a'.repeat(64), isTrained: true, embeddings: [] };
    const others: readonly Partial<Execution>[] = [
      { run: { ...run, seed: 7 } },
      { run: { ...run, name: 'other' } },
      { run: { ...run, cropColumns: ['l', 't', 'w', 'h'] } },
      { planVersion: execution.planVersion + 1 },
      { pixelsVersion: execution.pixelsVersion + 1 },
      { manifestVersion: execution.manifestVersion + 1 },
      { model },
    ];
    for (const other of others)
      expect(await takenFrom(lake, { ...execution, ...other }), Object.keys(other).join()).toBeUndefined();
    expect(await takenFrom(lake, execution)).toHaveLength(3);
    expect.assertions(7 + 2);
  });

  test('are those of the newest execution that has finished and has a manifest', async () => {
    const { lake, execution } = await makeEarlier({ copies: 1 });
    const { store } = lake;
    await lake.lakehouse.tables.delete({ table: 'images', where: 'id = 3' });
    const { folder } = await runWith(store, { ...SPEC, copies: 1 });
    const newest = await readExecution(store, folder);
    expect(await takenFrom(lake, execution)).toHaveLength(2);
    await store.delete(executionKeys.success(folder));
    expect(await takenFrom(lake, newest)).toHaveLength(3);
    await rm(store.locate(executionKeys.manifest(folderOf(execution))), { recursive: true });
    expect(await takenFrom(lake, newest)).toBeUndefined();
  });
});
