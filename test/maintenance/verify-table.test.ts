import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { verifyTable } from '../../src/maintenance/verify-table.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { dataFiles, copyGrownTable } from './grown-table.ts';

describe('verify', () => {
  test('finds data files that are missing, cut off or not as counted', async () => {
    const { lakehouse, table } = await copyGrownTable();
    const [first, second] = await dataFiles(table);
    await rm(join(table, first ?? ''));
    await truncate(join(table, second ?? ''), 100);
    const { problems } = await lakehouse.tables.verify('images');
    expect(problems).toHaveLength(2);
    expect(Object.fromEntries(problems.map(({ key, problem }) => [key, problem]))).toEqual({
      [`tables/images/${first}`]: 'is missing',
      [`tables/images/${second}`]: expect.stringMatching(/^has 100 bytes, not \d+$/u),
    });
  });

  test('finds a file that has not the rows that the log counts', async () => {
    const { lakehouse, table } = await copyGrownTable();
    const log = join(table, '_delta_log/00000000000000000000.json');
    const entry = (await readFile(log, 'utf8')).replaceAll('\\"numRecords\\":1', '\\"numRecords\\":2');
    await writeFile(log, entry);
    await expect(lakehouse.tables.verify('images')).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    // As another writer would have put it.
    await writeFile(log, entry.replace(/,"actionsSha256":"\w+"/u, ''));
    const { problems } = await lakehouse.tables.verify('images');
    expect(problems).toHaveLength(2);
    expect(problems[0]?.problem).toBe('has 1 rows, not 2');
  });

  test('deeply, finds one byte that is another in a data file of the same size', async () => {
    const { lakehouse, table } = await copyGrownTable();
    const names = await dataFiles(table);
    expect(names).toHaveLength(10);
    for (const [index, name] of names.entries()) {
      const path = join(table, name);
      const whole = await readFile(path);
      const bytes = Buffer.from(whole);
      // At another place in each: in the head, the pages and the footer.
      const place = Math.floor(((index + 0.5) / names.length) * bytes.length);
      bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
      await writeFile(path, bytes);
      const { problems } = await lakehouse.tables.verify('images', true);
      expect(new Set(problems.map(({ key }) => key)), `${name} at ${place}`).toEqual(
        new Set([`tables/images/${name}`]),
      );
      await writeFile(path, whole);
    }
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('deeply, finds originals that are missing or changed', async () => {
    const { lakehouse, lake } = await copyGrownTable();
    const whole = { table: 'images', version: 4, fileCount: 10, rowCount: 10, problems: [] };
    expect(await lakehouse.tables.verify('images', true)).toEqual({ ...whole, imageCount: 10 });
    const stored = sha256Of(await readFile(join(lake, 'originals/images/4.jpg')));
    await rm(join(lake, 'originals/images/3.jpg'));
    await writeFile(join(lake, 'originals/images/4.jpg'), 'other bytes');
    await rm(join(lake, 'originals/images/5.jpg'));
    await mkdir(join(lake, 'originals/images/5.jpg'));
    expect(await lakehouse.tables.verify('images')).toEqual({ ...whole, imageCount: 0 });
    const { problems, imageCount } = await lakehouse.tables.verify('images', true);
    expect(imageCount).toBe(10);
    expect(problems.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { key: 'originals/images/3.jpg', problem: 'is missing' },
      {
        key: 'originals/images/4.jpg',
        problem: `has the sha256 ${sha256Of(Buffer.from('other bytes'))}, not ${stored}`,
      },
      {
        key: 'originals/images/5.jpg',
        problem: expect.stringMatching(/^cannot be read: .*EISDIR/u),
      },
    ]);
    // The images of an attached table lie where nobody here can say.
    await lakehouse.tables.attach('mirror', join(lake, 'tables/images'));
    expect(await lakehouse.tables.verify('mirror', true)).toMatchObject({ imageCount: 0, problems: [] });
  });

  test('deeply, looks at no images where the data files are not whole, or rows do not say which', async () => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ image_key: 'string', image_sha256: 'string' });
    const row = (key: string): string => `SELECT '${key}' AS image_key, '00' AS image_sha256`;
    await table.addRows('a.parquet', `${row('x')} UNION ALL SELECT NULL, '00' UNION ALL SELECT 'y', NULL`);
    await table.commit();
    const { tables } = openLakehouse({ lake: table.lake });
    const missing = { key: 'x', problem: 'is missing' };
    expect(await tables.verify('t', true)).toMatchObject({ imageCount: 1, rowCount: 3, problems: [missing] });
    await table.addRows('b.parquet', row('z'), { stats: { numRecords: 2 } });
    await table.commit();
    expect(await tables.verify('t', true)).toMatchObject({
      imageCount: 0,
      rowCount: 4,
      problems: [{ key: 'tables/t/b.parquet', problem: 'has 1 rows, not 2' }],
    });
    for (const columns of [{ image_key: 'string' }, { image_sha256: 'string' }]) {
      const other = await DeltaTable.begin();
      other.protocol().metadata(columns);
      await other.addRows('a.parquet', `SELECT 'x' AS ${Object.keys(columns).join()}`);
      await other.commit();
      expect(await openLakehouse({ lake: other.lake }).tables.verify('t', true)).toMatchObject({
        imageCount: 0,
        problems: [],
      });
    }
  });

  test('is stopped between images and between data files', async () => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ image_key: 'string', image_sha256: 'string' });
    await table.addRows(
      'a.parquet',
      "SELECT i::VARCHAR AS image_key, '00' AS image_sha256 FROM range(20) AS r(i)",
    );
    await table.commit();
    const stop = new AbortController();
    const read: string[] = [];
    const store = withFaults(table.store, {
      async read(key, range) {
        if (key.includes('/')) return table.store.read(key, range);
        read.push(key);
        stop.abort(new Error('stopped'));
        return Buffer.from('');
      },
    });
    const context = { store, software: 'test', signal: stop.signal };
    await expect(verifyTable(context, { table: 't', isDeep: true })).rejects.toThrow('stopped');
    expect(read).toHaveLength(8);
    await expect(verifyTable(context, { table: 't' })).rejects.toThrow('stopped');
  });

  test('tells of a file that is no Parquet in one line', async () => {
    const table = await DeltaTable.begin();
    await table.store.write('tables/t/a.parquet', Buffer.from('not Parquet'));
    await table.protocol().metadata({ id: 'long' }).add('a.parquet', { size: 11 }).commit();
    const { problems, rowCount } = await openLakehouse({ lake: table.lake }).tables.verify('t', true);
    expect(problems).toEqual([
      { key: 'tables/t/a.parquet', problem: expect.stringMatching(/^cannot be read: .+$/u) },
    ]);
    expect(rowCount).toBe(0);
  });
});
