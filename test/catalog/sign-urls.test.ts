import { expect, test } from 'vitest';
import { signUrls } from '../../src/catalog/sign-urls.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore, RemoteAccess } from '../../src/storage/object-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { useDuckDb } from './query-fixture.ts';

const db = useDuckDb();

const local = openLocalStore('/nowhere');
const remote = withFaults(local, {
  remote: {
    signUrl: async (key: string, expiresMs: number) => `https://host/${key}?${expiresMs}`,
  } as unknown as RemoteAccess,
});

const sign = async (
  sql: string,
  expiresMs = 1000,
  store: ObjectStore = remote,
): ReturnType<typeof db.stream> => signUrls(await db.stream(sql), store, expiresMs);

test('each key gets a link, beside the other columns', async () => {
  const sql = `SELECT i, CASE WHEN i % 2 = 0 THEN 'k' || i END AS image_key, 'x' AS z FROM range(2050) AS r(i)`;
  const signed = await sign(sql);
  expect(signed.columns.map(({ name, type }) => [name, String(type)])).toEqual([
    ['i', 'BIGINT'],
    ['image_key', 'VARCHAR'],
    ['z', 'VARCHAR'],
    ['image_url', 'VARCHAR'],
  ]);
  const rows: unknown[][] = [];
  const columns: unknown[][] = [];
  const counts: number[] = [];
  for await (const batch of signed) {
    counts.push(batch.rowCount);
    rows.push(...batch.getRows());
    columns.push(...batch.getColumns().map((column) => column.slice(0, 2)));
  }
  expect(counts).toEqual([2048, 2]);
  expect([rows.length, rows[1], rows.at(-2)]).toEqual([
    2050,
    [1n, null, 'x', null],
    [2048n, 'k2048', 'x', 'https://host/k2048?1000'],
  ]);
  expect(columns.slice(0, 4)).toEqual([
    [0n, 1n],
    ['k0', null],
    ['x', 'x'],
    ['https://host/k0?1000', null],
  ]);
});

test('keys that are no texts have no links', async () => {
  const rows: unknown[][] = [];
  for await (const batch of await sign('SELECT 7 AS image_key')) rows.push(...batch.getRows());
  expect(rows).toEqual([[7, null]]);
});

const WEEK_MS = 7 * 24 * 3_600_000;

test.each([
  [1000, true],
  [WEEK_MS, true],
  [999, false],
  [WEEK_MS + 1, false],
  [Number.NaN, false],
])('links may be valid for %d ms: %s', async (expiresMs, isValid) => {
  const signing = sign('SELECT 1 AS image_key', expiresMs);
  if (isValid) await expect(signing).resolves.toHaveProperty('columns');
  else
    await expect(signing).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('7 days'),
    });
});

test('links need keys, and a lake on S3', async () => {
  await expect(sign('SELECT 1 AS id')).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    remedy: 'select image_key too',
  });
  await expect(sign('SELECT 1 AS image_key', 1000, local)).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: 'links are only available for lakes on S3',
  });
});
