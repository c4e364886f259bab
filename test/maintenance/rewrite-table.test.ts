import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { rewriteTable } from '../../src/maintenance/rewrite-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { ANY } from '../../src/table/file-predicate.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { copyGrownTable } from './grown-table.ts';
import { keysOf } from '../support/keys-of.ts';

const COMMIT = {
  reads: ANY,
  rowDelta: undefined,
  operation: 'TEST',
  parameters: {},
  metrics: {},
  software: 'test',
};

test('work whose commit conflicts is done again on the newest snapshot, with a scratch folder of its own', async () => {
  const { lake, lakehouse } = await copyGrownTable();
  const store = openLocalStore(lake);
  const versions: number[] = [];
  const folders = new Set<string>();
  const removed = await rewriteTable(
    { store, software: 'test' },
    'images',
    async ({ transaction, snapshot, db, scratchDir }) => {
      versions.push(snapshot.version);
      folders.add(scratchDir);
      await access(scratchDir);
      expect(await db.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      if (versions.length === 1) await lakehouse.tables.delete({ table: 'images', where: 'id = 1' });
      const [file] = snapshot.files;
      if (file === undefined) throw new Error('the table has no files');
      transaction.remove([file]);
      await transaction.commit(COMMIT);
      return file.key;
    },
  );
  expect(versions).toEqual([4, 5]);
  expect(folders.size).toBe(2);
  expect(removed).toMatch(/\.parquet$/u);
  const [newest] = (await readHistory(store, 'tables/images', 1)) ?? [];
  expect(newest).toMatchObject({ version: 6, operation: 'TEST' });
  expect(await keysOf(store, '.tmp')).toEqual([]);
});

test('work that throws commits nothing and leaves nothing', async () => {
  const { lake } = await copyGrownTable();
  const store = openLocalStore(lake);
  const before = await keysOf(store);
  const context = { store, software: 'test' };
  const broken = rewriteTable(context, 'images', async ({ transaction, snapshot }) => {
    transaction.remove(snapshot.files);
    throw new TypeError('broken');
  });
  await expect(broken).rejects.toThrow('broken');
  expect(await keysOf(store)).toEqual(before);
  await expect(rewriteTable(context, 'none', async () => 1)).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
  });
});

test('work whose signal is aborted is not committed', async () => {
  const { lake } = await copyGrownTable();
  const store = openLocalStore(lake);
  const stop = new AbortController();
  const context = { store, software: 'test', signal: stop.signal };
  const stopped = rewriteTable(context, 'images', async ({ transaction, snapshot }) => {
    transaction.remove(snapshot.files);
    stop.abort(new Error('stopped'));
    await transaction.commit(COMMIT);
  });
  await expect(stopped).rejects.toThrow('stopped');
  expect((await readHistory(store, 'tables/images', 1))?.[0]?.version).toBe(4);
});
