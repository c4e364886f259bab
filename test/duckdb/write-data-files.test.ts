import { readdir, stat } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILE_COLUMN, selectSnapshot } from '../../src/catalog/table-view.ts';
import { type DataFilesRequest, writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import { PixlakeError } from '../../src/errors.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import type { AddAction } from '../../src/table/delta-actions.ts';
import { deltaArray } from '../../src/table/delta-schema.ts';
import { rowCountOf } from '../../src/table/snapshot.ts';
import { keysOf } from '../support/keys-of.ts';
import { withFaults } from '../support/failing-store.ts';
import { literal, schemaOf, useTables, valuesOf, type Written } from './table-fixture.ts';

const tables = useTables();

describe('partition values', () => {
  const schema = schemaOf({ id: 'long', part: 'string' });

  async function roundTrip(values: readonly (string | null)[]): Promise<Written> {
    const rows = values.map((value, id) => [literal(id, 'BIGINT'), literal(value, 'VARCHAR')]);
    const written = await tables.writeTable(valuesOf(rows, ['id', 'part']), schema, ['part']);
    // Delta takes an empty text for null.
    expect(await tables.readBack(written)).toEqual(
      values.map((part, id) => ({ id: BigInt(id), part: part || null })),
    );
    return written;
  }

  it.each<[string, (string | null)[]]>([
    ['spaces', ['Personal Care', ' ', ' leading', 'trailing ']],
    ['slashes', ['a/b', '/', '../../escape', '.', '..', 'back\\slash']],
    [
      'marks of folders and URLs',
      ['a=b', '#1', 'why?', '100%', '%20', '%2520', '%zz', 'a+b', 'a&b', 'a;b', 'a:b*'],
    ],
    ['quotes', [`it's`, '"quoted"', '`', `'; DROP TABLE x; --`]],
    ['other scripts', ['日本語', 'Größe', 'é', 'e\u0301', '😀', '\u200f']],
    ['control characters', ['line\nfeed', 'tab\t', '\u0001', '\u007f']],
    ['numbers as texts', ['1', '01', '1.0', '1e3', '-0', 'NaN', 'true', '2024-01-01']],
    ['upper and lower case', ['Men', 'men', 'MEN']],
    ['null and the empty text, which are one', [null, '', 'x']],
    ['texts that say null', ['null', 'NULL', 'Null', 'None', null]],
    ['the folder name that stands for null', ['__HIVE_DEFAULT_PARTITION__', null]],
  ])('come back as they were: %s', async (_, values) => {
    await roundTrip(values);
  });

  it('come back as they were, whatever they are', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 10 }), fc.string({ maxLength: 20 }));
    const value = fc.option(
      text.map((one) => one.replaceAll('\0', '')),
      { freq: 8 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(value, { minLength: 1, maxLength: 6 }), async (values) => {
        await roundTrip(values);
      }),
      { seed: 41, numRuns: 15 },
    );
  });

  it('stand in the log as plain texts, and in folder names encoded, which the path encodes once more', async () => {
    const { added } = await roundTrip(['Personal Care', null]);
    const [care, none] = added;
    expect(care?.partitionValues).toEqual({ part: 'Personal Care' });
    expect(care?.path).toMatch(/^part=Personal%2520Care\/part-[^/]+\.parquet$/u);
    expect(none?.partitionValues).toEqual({ part: null });
    expect(none?.path).toMatch(/^part=__HIVE_DEFAULT_PARTITION__\/part-/u);
  });

  it('keep their types, with several columns in the order asked for', async () => {
    const typed = schemaOf({
      id: 'long',
      year: 'integer',
      day: 'date',
      isNew: 'boolean',
      price: 'decimal(6,2)',
    });
    const query = `SELECT * FROM (VALUES
      (1::BIGINT, 2012, DATE '2012-02-29', true, 1.5::DECIMAL(6,2)), (2, 2013, NULL, false, NULL), (3, NULL, DATE '1969-12-31', NULL, -3))
      AS v(id, year, day, "isNew", price)`;
    const written = await tables.writeTable(query, typed, ['isNew', 'year', 'day', 'price']);
    expect(written.added[0]?.path).toMatch(/^isNew=true\/year=2012\/day=2012-02-29\/price=1\.50\//u);
    expect(await tables.readBack(written)).toEqual(await tables.db.rows(`FROM (${query}) ORDER BY id`));
  });

  it('come from the log where a table of others has folders that do not tell them', async () => {
    const rows = [
      ['1::BIGINT', `'a'`],
      ['2::BIGINT', `'b'`],
    ];
    const { snapshot } = await tables.writeTable(valuesOf(rows, ['id', 'part']), schema, ['part']);
    const [first, second] = snapshot.files;
    const [keyA, keyB] = [`${snapshot.folder}/Qx/1.parquet`, `${snapshot.folder}/part=b%ZZ/2.parquet`];
    await tables.store.moveIn(keyA, tables.store.locate(first?.key ?? ''));
    await tables.store.moveIn(keyB, tables.store.locate(second?.key ?? ''));
    const files = snapshot.files.map((file, index) => ({ ...file, key: index === 0 ? keyA : keyB }));
    const sql = await selectSnapshot(tables.db, tables.store, { ...snapshot, files }, { withFile: true });
    expect(await tables.db.rows(`FROM (${sql}) ORDER BY id`)).toEqual([
      { id: 1n, part: 'a', [FILE_COLUMN]: tables.store.locate(keyA) },
      { id: 2n, part: 'b', [FILE_COLUMN]: tables.store.locate(keyB) },
    ]);
  });
});

describe('data files', () => {
  const schema = schemaOf({ id: 'long', text: 'string', tags: deltaArray('string'), part: 'string' });

  it('hold exactly the rows they were given', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((one) => one.replaceAll('\0', ''));
    const rows = fc.array(
      fc.record({
        text: fc.option(text),
        tags: fc.option(fc.array(fc.option(text), { maxLength: 3 })),
        part: fc.constantFrom('a b', 'ü/', null),
      }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async (given, isPartitioned) => {
        const literals = given.map(({ text: one, tags, part }, id) => [
          literal(id, 'BIGINT'),
          literal(one, 'VARCHAR'),
          tags === null
            ? 'NULL::VARCHAR[]'
            : `[${tags.map((tag) => literal(tag, 'VARCHAR')).join(', ')}]::VARCHAR[]`,
          literal(part, 'VARCHAR'),
        ]);
        const written = await tables.writeTable(
          valuesOf(literals, ['id', 'text', 'tags', 'part']),
          schema,
          isPartitioned ? ['part'] : [],
        );
        expect(await tables.readBack(written)).toEqual(given.map((one, id) => ({ id: BigInt(id), ...one })));
      }),
      { seed: 47, numRuns: 20 },
    );
  });

  it('keep the order of the rows', async () => {
    const query = 'SELECT ((i * 7919) % 10007)::BIGINT AS id FROM range(5000) AS r(i)';
    const { snapshot } = await tables.writeTable(query, schemaOf({ id: 'long' }));
    const [read, given] = [
      await tables.db.rows(await selectSnapshot(tables.db, tables.store, snapshot)),
      await tables.db.rows(query),
    ];
    expect(read).toEqual(given);
  });

  it('say their true sizes, and lie where their paths say', async () => {
    const { folder, added, snapshot } = await tables.writeTable(
      `SELECT i::BIGINT AS id, NULL::VARCHAR AS text, NULL::VARCHAR[] AS tags, 'p ' || i % 3 AS part FROM range(100) AS r(i)`,
      schema,
      ['part'],
    );
    expect(added).toHaveLength(3);
    expect(snapshot.files).toHaveLength(3);
    for (const file of snapshot.files) {
      const path = tables.store.locate(file.key);
      expect(file.key.startsWith(`${folder}/part=p%20`)).toBe(true);
      expect((await stat(path)).size).toBe(file.sizeBytes);
      const [counted] = await tables.db.rows<{ count: bigint }>(
        `SELECT count(*) AS count FROM read_parquet(${quoteText(path)})`,
      );
      expect(Number(counted?.count)).toBe(rowCountOf(file));
      // Delta data files do not hold partition columns.
      const held = await tables.db.rows<{ name: string }>(
        `SELECT name FROM parquet_schema(${quoteText(path)}) WHERE name = 'part'`,
      );
      expect(held).toEqual([]);
    }
  });

  it('are named by their contents where a prefix is asked for', async () => {
    const write = async (id: number): Promise<string | undefined> => {
      const query = `SELECT ${id}::BIGINT AS id`;
      const { added } = await tables.writeTable(query, schemaOf({ id: 'long' }), [], {
        namePrefix: 'block-00007',
      });
      return added[0]?.path;
    };
    const name = await write(1);
    expect(name).toMatch(/^block-00007-[0-9a-f]{8}\.parquet$/u);
    expect(await write(1)).toBe(name);
    expect(await write(2)).not.toBe(name);
  });

  it('are cut into row groups small enough to skip', async () => {
    const groupsOf = async (options: { rowGroupSize?: number }): Promise<number> => {
      const query = 'SELECT i::BIGINT AS id FROM range(20000) AS r(i)';
      const { snapshot } = await tables.writeTable(query, schemaOf({ id: 'long' }), [], options);
      const path = quoteText(tables.store.locate(snapshot.files[0]?.key ?? ''));
      const [counted] = await tables.db.rows<{ count: bigint }>(
        `SELECT count(DISTINCT row_group_id) AS count FROM parquet_metadata(${path})`,
      );
      return Number(counted?.count);
    };
    expect(await groupsOf({})).toBe(3);
    expect(await groupsOf({ rowGroupSize: 2048 })).toBe(10);
  });

  it.each([[[]], [['part']]])('are not written for a query without rows, partitioned by %j', async (by) => {
    const query = `SELECT 1::BIGINT AS id, 'x' AS text, ['y'] AS tags, 'z' AS part WHERE false`;
    const written = await tables.writeTable(query, schema, by);
    expect(written.added).toEqual([]);
    expect(await readdir(tables.store.locate(written.folder))).toEqual(['_delta_log']);
    expect(await tables.readBack(written)).toEqual([]);
    const described = await tables.db.rows<{ column_name: string; column_type: string }>(
      `DESCRIBE ${await selectSnapshot(tables.db, tables.store, written.snapshot, { withFile: true })}`,
    );
    expect(described.map((column) => [column.column_name, column.column_type])).toEqual([
      ['id', 'BIGINT'],
      ['text', 'VARCHAR'],
      ['tags', 'VARCHAR[]'],
      ['part', 'VARCHAR'],
      [FILE_COLUMN, 'VARCHAR'],
    ]);
  });

  it('begin anew at a size, each with a name of its own', async () => {
    const query = 'SELECT hash(i)::VARCHAR AS text FROM range(60000) AS r(i)';
    const options = { targetBytes: 200_000, rowGroupSize: 2048 };
    const { added, snapshot } = await tables.writeTable(query, schemaOf({ text: 'string' }), [], options);
    expect(added.length).toBeGreaterThan(2);
    const name = /^part-[0-9a-f]{8}-[0-9a-f-]{27}\.parquet$/u;
    expect(added.map(({ path }) => name.test(path))).toEqual(added.map(() => true));
    expect(new Set(added.map(({ path }) => path)).size).toBe(added.length);
    expect(snapshot.files.reduce((sum, file) => sum + (rowCountOf(file) ?? 0), 0)).toBe(60_000);
    const again = await tables.writeTable(query, schemaOf({ text: 'string' }), [], options);
    const names = new Set([...added, ...again.added].map(({ path }) => path));
    expect(names.size).toBe(added.length + again.added.length);
  });

  it('are smaller if they are compressed more', async () => {
    const sizeOf = async (options: Partial<DataFilesRequest>): Promise<number> => {
      const query = `SELECT hash(i % 500)::VARCHAR || hash(i % 7)::VARCHAR AS text FROM range(20000) AS r(i)`;
      const { added } = await tables.writeTable(query, schemaOf({ text: 'string' }), [], options);
      return added[0]?.size ?? 0;
    };
    expect(await sizeOf({ compressionLevel: 19 })).toBeLessThan(await sizeOf({ compressionLevel: 1 }));
  });

  it('may all belong to one given partition', async () => {
    const request = { schema: schemaOf({ id: 'long', part: 'string' }), scratchDir: tables.scratchDir };
    const write = async (folder: string, more: Partial<DataFilesRequest>): Promise<AddAction[]> =>
      writeDataFiles(tables.db, tables.store, {
        ...request,
        query: `SELECT 1::BIGINT AS id`,
        partitionColumns: ['part'],
        folder: 'tables/given',
        partition: { values: { part: 'a b' }, folder },
        ...more,
      });
    const [add] = await write('part=a%20b', {});
    expect(add).toMatchObject({ partitionValues: { part: 'a b' }, dataChange: true });
    expect(add?.path).toMatch(/^part=a%2520b\/part-[0-9a-f-]{36}\.parquet$/u);
    expect(Object.keys(add?.tags ?? {}).sort()).toEqual(['pixlake.columns', 'pixlake.sha256']);
    const [plain] = await write('', { targetBytes: 1e6 });
    expect(plain?.path).toMatch(/^part-[0-9a-f-]{36}\.parquet$/u);
    const key = /^tables\/given\/(?:part=a%20b\/)?part-[0-9a-f-]{36}\.parquet$/u;
    const keys = await keysOf(tables.store, 'tables/given');
    expect(keys.map((one) => key.test(one))).toEqual([true, true]);
  });

  it('are refused for a value that is too long for a folder', async () => {
    const query = `SELECT 1::BIGINT AS id, repeat('x', 300) AS part`;
    const writing = tables.writeTable(query, schemaOf({ id: 'long', part: 'string' }), ['part']);
    await expect(writing).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: 'a value of part is too long for the name of a folder',
      remedy: expect.stringContaining('--partition-by'),
    });
  });

  it('leave nothing behind in the scratch folder, not even after a failure', async () => {
    const request = { schema, folder: 'tables/failed', scratchDir: tables.scratchDir };
    await tables.writeTable(`SELECT 1::BIGINT AS id, 'x' AS text, ['y'] AS tags, 'z' AS part`, schema, [
      'part',
    ]);
    const failing = `SELECT CASE WHEN i = 9999 THEN error('stop') ELSE i END AS id, i % 2 AS part FROM range(10000) AS r(i)`;
    for (const partitionColumns of [[], ['part']]) {
      await expect(
        writeDataFiles(tables.db, tables.store, { ...request, query: failing, partitionColumns }),
      ).rejects.toMatchObject({ name: 'PixlakeError', code: 'SQL_FAILED' });
    }
    expect(await readdir(tables.scratchDir)).toEqual([]);
    expect(await keysOf(tables.store, 'tables/failed')).toEqual([]);
  });

  it('leave none in the table if one of them cannot be put there, unless others may have written the same', async () => {
    let left = 1;
    const full = withFaults(tables.store, {
      moveIn: async (key, path) => {
        if (left-- === 0) throw new PixlakeError('STORAGE_FULL', 'full');
        await tables.store.moveIn(key, path);
      },
    });
    const request = {
      schema,
      folder: 'tables/halved',
      scratchDir: tables.scratchDir,
      partitionColumns: ['part'],
    };
    const query = `SELECT i AS id, 'x' AS text, ['y'] AS tags, (i % 3)::VARCHAR AS part FROM range(9) AS r(i)`;
    const writing = writeDataFiles(tables.db, full, { ...request, query });
    await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(left).toBe(-1);
    expect(await tables.store.listFolders('tables/halved')).toEqual([]);
    const named = { ...request, partitionColumns: [], namePrefix: 'block-0' };
    const lost = withFaults(tables.store, {
      moveIn: async (key, path) => {
        await tables.store.moveIn(key, path);
        throw new PixlakeError('STORAGE_FAILED', 'no answer');
      },
    });
    await expect(writeDataFiles(tables.db, lost, { ...named, query })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    const kept = [];
    for await (const { key } of tables.store.list('tables/halved')) kept.push(key);
    expect(kept).toEqual([expect.stringMatching(/^tables\/halved\/block-0-[0-9a-f]{8}\.parquet$/u)]);
  });
});
