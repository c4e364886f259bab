import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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
    expect(await lakehouse.tables.verify('images', true)).toMatchObject({ problems: [], imageCount: 10 });
    await rm(join(lake, 'originals/images/3.jpg'));
    await writeFile(join(lake, 'originals/images/4.jpg'), 'other bytes');
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
    const { problems } = await lakehouse.tables.verify('images', true);
    expect(problems.map(({ key }) => key).sort()).toEqual([
      'originals/images/3.jpg',
      'originals/images/4.jpg',
    ]);
  });
});
