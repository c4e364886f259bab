import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, type ImageLimits } from '../../src/image/image-limits.ts';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import {
  datasetTypesOf,
  fitSchema,
  type MergedRows,
  mergeRows,
  toTableSchema,
} from '../../src/ingest/merge-rows.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { deltaField } from '../../src/table/delta-schema.ts';
import { IMAGE_COLUMNS } from '../../src/table/image-columns.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { beginTransaction, type CommitSpec } from '../../src/table/transaction.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb } from '../support/run-in-process.ts';

/** Rows to merge: the SELECT of the columns of a dataset, and these. */
interface Merging {
  readonly store: ObjectStore;
  readonly select: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly partitionBy?: readonly string[];
  readonly limits?: ImageLimits;
}

/** Merges rows into the table `tables/t`, and gives what was committed with which claim. */
async function merge({
  store,
  select,
  columns,
  partitionBy = [],
  limits = DEFAULT_LIMITS,
}: Merging): Promise<{ merged: MergedRows; commits: CommitSpec[] }> {
  const schema = parseDatasetSchema(
    {
      name: 't',
      idColumn: 'id',
      columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
      sortBy: ['word'],
    },
    'a test',
  );
  using db = await openTestDb();
  const images = IMAGE_COLUMNS.map(({ name, type }) => `NULL::${type} AS ${name}`);
  await db.run(`CREATE TABLE incoming AS SELECT *, ${images.join(', ')} FROM (${select})`);
  const base = await readSnapshot(store, 'tables/t');
  await using transaction = beginTransaction(store, base ?? 'tables/t');
  const commits: CommitSpec[] = [];
  const commit = transaction.commit.bind(transaction);
  transaction.commit = (spec) => {
    commits.push(spec);
    return commit(spec);
  };
  const target = {
    store,
    partitionBy: base?.partitionColumns ?? partitionBy,
    scratchDir: await makeTestFolder(),
    software: 'test',
    source: 'a.csv',
    limits,
  };
  return { merged: await mergeRows(db, schema, target, transaction), commits };
}

const between = (kind: 'number' | 'string', min: unknown, max: unknown): object => ({
  kind: 'and',
  parts: [
    { kind: 'compare', column: 'id', comparison: '>=', literal: { kind, value: min } },
    { kind: 'compare', column: 'id', comparison: '<=', literal: { kind, value: max } },
  ],
});

describe('a merge commits', () => {
  const columns = { id: 'BIGINT', word: 'VARCHAR' };
  const values = (rows: string): string =>
    `SELECT id::BIGINT AS id, word FROM (VALUES ${rows}) rows(id, word)`;
  const openTable = async (): Promise<ObjectStore> => {
    const store = openLocalStore(await makeTestFolder());
    await merge({ store, columns, select: values("(1, 'a'), (9, 'b')"), partitionBy: ['word'] });
    return store;
  };
  const facts = { parameters: { source: 'a.csv' }, software: 'test' };

  test('a new table with its order and its limits', async () => {
    const store = openLocalStore(await makeTestFolder());
    const found = await merge({ store, columns, select: values("(3, 'a'), (-2, 'b')") });
    expect(found).toEqual({
      merged: { addedCount: 2, changedCount: 0, version: 0, isCommitted: true, newColumns: [] },
      commits: [
        {
          reads: between('number', -2, 3),
          rowDelta: 2,
          operation: 'WRITE',
          metrics: { numAddedRows: 2, numChangedRows: 0, numAddedFiles: 1, numRemovedFiles: 0 },
          ...facts,
        },
      ],
    });
    const table = await readSnapshot(store, 'tables/t');
    expect(table?.partitionColumns).toEqual([]);
    expect(table?.metadata.configuration).toEqual({
      'pixlake.sortBy': '["word","id"]',
      'pixlake.maxPixels': String(DEFAULT_LIMITS.maxPixels),
      'pixlake.maxImageMemory': String(DEFAULT_LIMITS.maxImageMemory),
    });
  });

  test('ids that are texts, as such', async () => {
    const store = openLocalStore(await makeTestFolder());
    const select = "SELECT id, id AS word FROM (VALUES ('b'), ('é'), ('B')) rows(id)";
    const { commits } = await merge({ store, columns: { id: 'VARCHAR', word: 'VARCHAR' }, select });
    expect(commits).toMatchObject([{ reads: between('string', 'B', 'é') }]);
  });

  test('what is new or changed, and claims no other rows', async () => {
    const store = await openTable();
    const before = (await readSnapshot(store, 'tables/t'))?.files ?? [];
    expect(before).toHaveLength(2);
    const select = values("(1, 'a'), (9, 'c'), (5, 'b')");
    const { merged, commits } = await merge({ store, columns, select });
    expect(merged).toEqual({ addedCount: 1, changedCount: 1, version: 1, isCommitted: true, newColumns: [] });
    expect(commits).toEqual([
      {
        reads: between('number', 5, 9),
        rowDelta: 1,
        operation: 'MERGE',
        metrics: { numAddedRows: 1, numChangedRows: 1, numAddedFiles: 2, numRemovedFiles: 1 },
        ...facts,
      },
    ]);
    const after = await readSnapshot(store, 'tables/t');
    expect(after?.files.map(({ partitionValues }) => partitionValues['word']).toSorted()).toEqual([
      'a',
      'b',
      'c',
    ]);
    // The file of the row that stayed is as it was.
    expect(after?.files.map(({ key }) => key)).toContain(
      before.find(({ partitionValues }) => partitionValues['word'] === 'a')?.key,
    );
    expect(after?.metadata.configuration).toHaveProperty(['pixlake.sortBy'], '["word","id"]');
  });

  test('nothing where nothing changed', async () => {
    const { merged, commits } = await merge({
      store: await openTable(),
      columns,
      select: values("(9, 'b')"),
    });
    expect(merged).toEqual({
      addedCount: 0,
      changedCount: 0,
      version: 0,
      isCommitted: false,
      newColumns: [],
    });
    expect(commits).toEqual([]);
  });

  test('limits alone, against whatever else was committed', async () => {
    const store = await openTable();
    const limits = { ...DEFAULT_LIMITS, maxPixels: 7 };
    const { merged, commits } = await merge({ store, columns, select: values("(9, 'b')"), limits });
    expect(merged).toMatchObject({ addedCount: 0, changedCount: 0, version: 1, isCommitted: true });
    expect(commits).toMatchObject([{ reads: { kind: 'any' }, rowDelta: 0, operation: 'WRITE' }]);
    expect((await readSnapshot(store, 'tables/t'))?.metadata.configuration).toHaveProperty(
      ['pixlake.maxPixels'],
      '7',
    );
  });

  test('new columns alone, and keeps those that the source has not', async () => {
    const store = await openTable();
    const more = { id: 'BIGINT', size: 'INTEGER', word: 'VARCHAR' };
    const select = "SELECT 9::BIGINT AS id, NULL::INTEGER AS size, 'b' AS word";
    const { merged } = await merge({ store, columns: more, select });
    expect(merged).toEqual({
      addedCount: 0,
      changedCount: 0,
      version: 1,
      isCommitted: true,
      newColumns: ['size'],
    });
    const { merged: kept } = await merge({ store, columns, select: values("(9, 'b')") });
    expect(kept).toMatchObject({ isCommitted: false, newColumns: [] });
  });
});

describe('the schema of a table', () => {
  test('has the columns of the dataset and those of images, by which it is known again', () => {
    const columns = [
      { name: 'id', type: 'BIGINT' },
      { name: 'ok', type: 'BOOLEAN' },
    ];
    const { fields } = toTableSchema(parseDatasetSchema({ name: 't', idColumn: 'id', columns }, 'a test'));
    expect(fields.slice(0, 3)).toEqual([
      deltaField('id', 'long'),
      deltaField('ok', 'boolean'),
      deltaField('image_key', 'string'),
    ]);
    expect(fields).toHaveLength(2 + IMAGE_COLUMNS.length);
    const types = datasetTypesOf({
      type: 'struct',
      fields: [...fields.slice(0, 2), deltaField('day', 'date')],
    });
    expect([...types]).toEqual([
      ['id', 'BIGINT'],
      ['ok', 'BOOLEAN'],
    ]);
  });

  test('keeps its partitions', async () => {
    const store = openLocalStore(await makeTestFolder());
    const select = "SELECT 1::BIGINT AS id, 'a' AS word, 'b' AS more";
    const columns = { id: 'BIGINT', word: 'VARCHAR', more: 'VARCHAR' };
    await merge({ store, columns, select, partitionBy: ['word', 'more'] });
    const base = await readSnapshot(store, 'tables/t');
    const schema = base?.schema ?? { type: 'struct', fields: [] };
    expect(fitSchema(base, schema, ['word', 'more'])).toEqual(schema);
    expect(fitSchema(base, schema, undefined)).toEqual(schema);
    expect(fitSchema(undefined, schema, ['x'])).toBe(schema);
    expect(() => fitSchema(base, schema, ['more', 'word'])).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_MISMATCH',
        message: 'tables/t is partitioned by word, more',
        remedy: 'ingest into another table with --table',
      }),
    );
    const plain = base && { ...base, partitionColumns: [] };
    expect(() => fitSchema(plain, schema, ['word'])).toThrow('tables/t is partitioned by nothing');
  });
});
