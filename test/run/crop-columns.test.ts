import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { boxColumns, checkCropTypes, readBox, selectBox } from '../../src/run/crop-columns.ts';
import { rowBatches } from '../../src/duckdb/result-stream.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { undrawn } from '../../src/image/transform.ts';
import type { RunReport } from '../../src/index.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { csvLine, writeCatalogue } from '../support/catalogue.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import {
  inProcessExecutor,
  makeContext,
  makeLake,
  openTestDb,
  queryRows,
  runWith,
  wrapAttempts,
} from '../support/run-in-process.ts';
import { runImages } from '../../src/run/run-images.ts';
import { codeOf } from '../support/daily-run.ts';
import { PixlakeError } from '../../src/errors.ts';
import { retryRun } from '../../src/run/retry-run.ts';

/** Images have 12 x 16 pixels. */
const SIZE = { width: 12, height: 16 };

/** Two boxes for each image, by SQL. */
const TWO_BOXES = `
  SELECT images.id || '-' || n AS id, image_key, image_sha256, x, y, w, h, n
  FROM images, (VALUES (1, 2, 3, 6, 5), (2, 1.5, 0, 30, 8.25)) AS boxes(n, x, y, w, h)`;

const CROP_COLUMNS: RunSpec['cropColumns'] = ['x', 'y', 'w', 'h'];

function specOf(name: string, sql: string, changes: Partial<RunSpec> = {}): RunSpec {
  return { name, sql, table: 'images', cropColumns: CROP_COLUMNS, transform: { size: 32 }, ...changes };
}

interface ManifestRow {
  readonly id: string;
  readonly image_id: string;
  readonly image_key: string;
  readonly image_sha256: string;
  readonly source_key: string;
  readonly crop_left: number;
  readonly crop_top: number;
  readonly crop_width: number;
  readonly crop_height: number;
}

test('each row of an image is cut out by its own box, and nothing else is cropped', async () => {
  const lake = await makeLake(3);
  const spec = specOf('boxes', TWO_BOXES);
  const report = await runWith(lake.store, spec);
  expect(report).toMatchObject({ imageCount: 6, errorCount: 0 });
  const rows = await queryRows<ManifestRow>(lake, 'FROM runs.boxes ORDER BY id');
  const boxes = rows.map((row) => [row.id, row.crop_left, row.crop_top, row.crop_width, row.crop_height]);
  expect(boxes).toEqual(
    ['1', '2', '3'].flatMap((id) => [
      [`${id}-1`, 2, 3, 6, 5],
      [`${id}-2`, 1, 0, 11, 9],
    ]),
  );
  const { transform } = parseRunSpec(spec, 'test');
  expect(transform.crop).toBe(0);
  expect(rows).toHaveLength(6);
  for (const row of rows) {
    const drawn = {
      ...undrawn(SIZE),
      cropLeft: row.crop_left,
      cropTop: row.crop_top,
      cropWidth: row.crop_width,
      cropHeight: row.crop_height,
    };
    const { encoded } = await renderImage(await lake.store.read(row.source_key), transform, drawn);
    expect(row.image_sha256).toBe(sha256Of(encoded));
  }
});

test('bad boxes are errors of their rows alone', async () => {
  const lake = await makeLake(2);
  const sql = `
    SELECT images.id || '-' || n AS id, image_key, image_sha256, x, y, w, h
    FROM images, (VALUES (1, 0, 0, 4, 4), (2, NULL, 0, 4, 4), (3, 12, 0, 4, 4), (4, 0, 0, 0, 4), (5, 0, 0, 4, -1),
                         (6, 'nan'::DOUBLE, 0, 4, 4), (7, 11.5, 15.5, 4, 4)) AS boxes(n, x, y, w, h)`;
  const report = await runWith(lake.store, specOf('bad', sql));
  expect(report).toMatchObject({ imageCount: 4, errorCount: 10 });
  const rows = await queryRows<ManifestRow>(lake, 'FROM runs.bad ORDER BY id');
  expect(rows.map(({ id, crop_width: width }) => [id, width])).toEqual([
    ['1-1', 4],
    ['1-7', 1],
    ['2-1', 4],
    ['2-7', 1],
  ]);
  const errors = await queryRows(lake, 'SELECT DISTINCT stage, code FROM errors.bad');
  expect(errors).toEqual([{ stage: 'transform', code: 'CROP_INVALID' }]);
});

test.each([
  [
    'is not returned',
    'SELECT id, 1 AS x, 2 AS y, 3 AS w FROM images',
    /returns no column h, only: id, x, y, w/u,
  ],
  [
    'is text',
    "SELECT id, 1 AS x, 2 AS y, 3 AS w, '4' AS h FROM images",
    /h has the type VARCHAR, not a number/u,
  ],
  [
    'is a date',
    "SELECT id, DATE '2026-01-01' AS x, 2 AS y, 3 AS w, 4 AS h FROM images",
    /x has the type DATE/u,
  ],
])('a crop column that %s is refused when the run is planned', async (_, sql, message) => {
  const lake = await makeLake(1);
  const work = lake.lakehouse.runs.plan(specOf('r', sql));
  await expect(work).rejects.toMatchObject({
    code: 'PLAN_CROP_INVALID',
    message: expect.stringMatching(message) as string,
  });
});

test('the boxes are part of the run and of its plan', async () => {
  const lake = await makeLake(2);
  const sql = 'SELECT id, 1 AS a, 2 AS b, 3::UTINYINT AS c, 4.5::DECIMAL(4, 1) AS d FROM images';
  const plan = async (cropColumns?: RunSpec['cropColumns']) =>
    lake.lakehouse.runs.plan(specOf('r', sql, { cropColumns }));
  const [first, again, other, none] = [
    await plan(['a', 'b', 'c', 'd']),
    await plan(['a', 'b', 'c', 'd']),
    await plan(['a', 'b', 'd', 'c']),
    await plan(),
  ];
  expect([again.runId, again.plan.sha256]).toEqual([first.runId, first.plan.sha256]);
  expect(new Set([first.runId, other.runId, none.runId]).size).toBe(3);
  expect(new Set([first.plan.sha256, other.plan.sha256, none.plan.sha256]).size).toBe(3);
});

test('a run that was stopped goes on with the boxes of its plan', async () => {
  const lake = await makeLake(4);
  const spec = specOf('stopped', TWO_BOXES, { shardSize: 2 });
  const failing = wrapAttempts(inProcessExecutor, async (job, attempt) =>
    job.shard < 2 ? attempt() : Promise.reject(new PixlakeError('STORAGE_FAILED', 'gone')),
  );
  expect(await codeOf(runWith(lake.store, spec, failing))).toBe('SHARD_FAILED');
  expect(await runWith(lake.store, spec)).toMatchObject({ imageCount: 8, resumedShardCount: 2 });
  await runWith(lake.store, { ...spec, name: 'whole' });
  const rows = (name: string): Promise<unknown[]> =>
    queryRows(lake, `SELECT * EXCLUDE (image_key) FROM runs.${name} ORDER BY id`);
  expect(await rows('stopped')).toEqual(await rows('whole'));
});

test('a retry keeps the boxes', async () => {
  const lake = await makeLake(2);
  const original = join(lake.uri, 'originals/images/2.jpg');
  await rename(original, `${original}.away`);
  expect(await runWith(lake.store, specOf('r', TWO_BOXES))).toMatchObject({ imageCount: 2, errorCount: 2 });
  await rename(`${original}.away`, original);
  expect(await retryRun(makeContext(lake.store), 'r', {})).toMatchObject({ imageCount: 2, errorCount: 0 });
  const rows = await queryRows(lake, 'SELECT id, crop_left, crop_height FROM runs.r ORDER BY id');
  expect(rows).toEqual(
    ['1', '2'].flatMap((id) => [
      { id: `${id}-1`, crop_left: 2, crop_height: 5 },
      { id: `${id}-2`, crop_left: 1, crop_height: 9 },
    ]),
  );
});

test('a run on a newer version makes images anew whose box has changed while id and original have not', async () => {
  const lake = await makeLake(2);
  const spec = specOf('r', 'SELECT *, year - 2007 AS x, 0 AS y, 4 AS w, 4 AS h FROM images');
  await runWith(lake.store, spec);
  const lines = [csvLine({ id: 1, year: 2008 }), csvLine({ id: 2, gender: 'Women', year: 2011 })];
  const source = await writeCatalogue(join(lake.uri, '../source'), lines, {});
  await lake.lakehouse.ingest({ source });
  await runImages(makeContext(lake.store), parseRunSpec(spec, 'test'));
  const rows = await queryRows(lake, 'SELECT id, crop_left FROM runs.r ORDER BY id');
  expect(rows).toEqual([
    { id: 1, crop_left: 1 },
    { id: 2, crop_left: 4 },
  ]);
});

test('the command line names the columns, and refuses a random crop beside them', async () => {
  const lake = await makeLake(2);
  const run = ['run', '--name', 'r', '--table', 'images', '--sql', TWO_BOXES, '--crop-columns', 'x,y,w,h'];
  expect(await pixlakeJson<RunReport>(lake.uri, ...run)).toMatchObject({ imageCount: 4 });
  for (const option of [
    ['--crop', '0.2'],
    ['--aspect-scale', '0.5,1'],
  ]) {
    const { code, stderr } = await pixlake(lake.uri, ...run, ...option);
    expect(code).toBe(2);
    expect(stderr).toContain('cropColumns: takes the place of crop, aspectScale and aspectRatio');
  }
});

describe('the columns of a box', () => {
  const boxed = parseRunSpec({ name: 'r', sql: '', cropColumns: ['x', 'a "b"', 'w', 'h'] }, 'test');
  const plain = parseRunSpec({ name: 'r', sql: '' }, 'test');

  test('are made of those of the SQL, in their order, and read as one value', async () => {
    using db = await openTestDb();
    await db.run(`CREATE TABLE plan AS SELECT ${selectBox(boxed).join(', ')}
      FROM (SELECT 1::TINYINT AS x, 2.5 AS "a ""b""", 3 AS w, NULL AS h)`);
    const [row] = await db.rows<object>('FROM plan');
    expect(Object.keys(row ?? {})).toEqual([...boxColumns(boxed)]);
    expect(await db.rows(`SELECT ${readBox(boxed)} AS box FROM plan`)).toEqual([
      { box: { left: 1, top: 2.5, width: 3, height: null } },
    ]);
    expect([selectBox(plain), boxColumns(plain), readBox(plain)]).toEqual([[], [], 'NULL']);
  });

  test('are numbers of any kind, and nothing else', async () => {
    using db = await openTestDb();
    const check = async (type: string): Promise<string> => {
      const result = await db.connection.stream(`SELECT NULL::${type} AS x, NULL::VARCHAR AS other`);
      const { columns } = rowBatches(result);
      const refused = await codeOf((async () => checkCropTypes(boxed, columns))());
      expect(checkCropTypes(plain, columns)).toBeUndefined();
      return refused ?? 'accepted';
    };
    const numbers = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL(9, 2)'];
    for (const type of numbers) expect([type, await check(type)]).toEqual([type, 'accepted']);
    for (const type of ['VARCHAR', 'BOOLEAN', 'DATE', 'INTEGER[]', 'STRUCT(a INTEGER)'])
      expect([type, await check(type)]).toEqual([type, 'PLAN_CROP_INVALID']);
    expect.assertions(2 * 12);
  });
});
