import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ingestCatalogue } from '../../src/ingest/ingest-catalogue.ts';
import type { IngestReport } from '../../src/ingest/ingest-spec.ts';
import { openLakehouse, type Lakehouse } from '../../src/lakehouse.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { withCommitBefore } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

const LARGEST = '9223372036854775807';
const SMALLEST = '-9223372036854775808';

interface Racing {
  readonly lakehouse: Lakehouse;
  readonly lake: string;
  /** Ingests rows, each an id and a text, whose images are there. */
  readonly ingest: (rows: readonly (readonly [string, string])[]) => Promise<IngestReport>;
  /** Ingests rows right before whose commit others are ingested. */
  readonly ingestAfter: (
    rows: readonly (readonly [string, string])[],
    others: readonly (readonly [string, string])[],
  ) => Promise<IngestReport>;
}

async function openRace(type = 'BIGINT'): Promise<Racing> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const schema = join(folder, 'schema.json');
  await writeFile(
    schema,
    JSON.stringify({
      name: 't',
      idColumn: 'id',
      columns: [
        { name: 'id', type },
        { name: 'word', type: 'VARCHAR' },
      ],
    }),
  );
  const lakehouse = openLakehouse({ lake });
  const image = await drawJpeg(1, 8, 8);
  let count = 0;
  const specOf = async (
    rows: readonly (readonly [string, string])[],
  ): Promise<{ source: string; images: string; table: string; schema: string }> => {
    count += 1;
    const source = join(folder, `rows-${count}.csv`);
    await writeFile(source, `id,word\n${rows.map((row) => row.join(',')).join('\n')}\n`);
    const images = join(folder, 'images');
    await mkdir(images, { recursive: true });
    for (const [id] of rows) await writeFile(join(images, `${id}.jpg`), image);
    return { source, images, table: 't', schema };
  };
  return {
    lakehouse,
    lake,
    ingest: async (rows) => lakehouse.ingest(await specOf(rows)),
    async ingestAfter(rows, others) {
      const [mine, theirs] = [await specOf(rows), await specOf(others)];
      const store = withCommitBefore(openLocalStore(lake), () => lakehouse.ingest(theirs));
      return ingestCatalogue({ store, software: 'test' }, mine);
    },
  };
}

const ALL = 'SELECT id::VARCHAR, word FROM t ORDER BY id';

describe('of two ingests of one id at once, the later one has its word, and the row is there once', () => {
  test.each([
    ['the largest', LARGEST],
    ['the smallest', SMALLEST],
    ['one that doubles round', '9007199254740993'],
    ['zero', '0'],
  ])('%s', async (_, id) => {
    const { lakehouse, ingest, ingestAfter } = await openRace();
    await ingest([['5', 'base']]);
    const report = await ingestAfter([[id, 'mine']], [[id, 'theirs']]);
    expect(report).toMatchObject({ isCommitted: true, addedCount: 0, changedCount: 1 });
    const rows = [
      ['5', 'base'],
      [id, 'mine'],
    ].sort(([a = ''], [b = '']) => (BigInt(a) < BigInt(b) ? -1 : 1));
    expect(await rowsOf(lakehouse, ALL)).toEqual(rows);
  });

  test('also at the ends of a range of ids, where others go beside it', async () => {
    const { lakehouse, ingest, ingestAfter } = await openRace();
    await ingest([['50', 'base']]);
    for (const id of ['10', '20']) {
      await ingestAfter(
        [
          ['10', `mine ${id}`],
          ['20', `mine ${id}`],
        ],
        [[id, 'theirs']],
      );
      expect(await rowsOf(lakehouse, 'SELECT id::INTEGER, word FROM t WHERE id < 50 ORDER BY id')).toEqual([
        [10, `mine ${id}`],
        [20, `mine ${id}`],
      ]);
    }
    expect.assertions(2);
  });

  test('as texts too', async () => {
    const { lakehouse, ingest, ingestAfter } = await openRace('VARCHAR');
    await ingest([['m', 'base']]);
    for (const id of ['a', 'zz', 'Ä', '👟'])
      expect(await ingestAfter([[id, 'mine']], [[id, 'theirs']])).toMatchObject({ changedCount: 1 });
    expect(
      await rowsOf(lakehouse, "SELECT count(*), count(DISTINCT id), count(*) FILTER (word = 'mine') FROM t"),
    ).toEqual([[5, 5, 4]]);
  });
});

test('ingests of other ids go on top of each other, and nothing is written twice', async () => {
  const { lakehouse, lake, ingest, ingestAfter } = await openRace();
  await ingest([['5', 'base']]);
  const report = await ingestAfter(
    [
      ['1', 'mine'],
      ['2', 'mine'],
    ],
    [
      ['3', 'theirs'],
      ['4', 'theirs'],
    ],
  );
  expect(report).toMatchObject({ isCommitted: true, version: 2, addedCount: 2, changedCount: 0 });
  expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM t')).toEqual([[5, 5]]);
  const files = (await readdir(join(lake, 'tables/t'))).filter((name) => name.endsWith('.parquet'));
  expect(files).toHaveLength(3);
});

test('an ingest commits only rows that it counts', async () => {
  const { lakehouse, ingest } = await openRace();
  expect(
    await ingest([
      ['1', 'a'],
      ['2', 'a'],
      ['3', 'a'],
    ]),
  ).toMatchObject({ rowCount: 3, addedCount: 3 });
  expect(
    await ingest([
      ['2', 'b'],
      ['3', 'a'],
      ['4', 'b'],
    ]),
  ).toMatchObject({
    rowCount: 3,
    ingestedCount: 3,
    addedCount: 1,
    changedCount: 1,
    unchangedCount: 1,
  });
  expect(await ingest([['2', 'b']])).toMatchObject({ isCommitted: false, unchangedCount: 1 });
  expect(await rowsOf(lakehouse, ALL)).toEqual([
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'a'],
    ['4', 'b'],
  ]);
});
