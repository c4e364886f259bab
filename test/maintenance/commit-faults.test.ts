import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { ingestCatalogue } from '../../src/ingest/ingest-catalogue.ts';
import { deleteRows } from '../../src/maintenance/delete-rows.ts';
import type { MaintenanceContext } from '../../src/maintenance/maintenance-context.ts';
import { optimizeTable } from '../../src/maintenance/optimize-table.ts';
import { restoreTable } from '../../src/maintenance/restore-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

let template: string;

/** A lake whose table `images` has six rows in two data files of one partition, and the source of two more. */
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  const lakehouse = openLakehouse({ lake: join(template, 'lake') });
  for (const count of [3, 6])
    await lakehouse.ingest({ source: await writePlainCatalogue(join(template, `${count}`), count) });
  await writePlainCatalogue(join(template, 'more'), 8);
  return () => rm(template, { recursive: true });
}, 60_000);

async function openLake(): Promise<{ folder: string; lake: string; store: ObjectStore }> {
  const folder = await makeTestFolder();
  await cp(template, folder, { recursive: true, preserveTimestamps: true });
  const lake = join(folder, 'lake');
  return { folder, lake, store: openLocalStore(lake) };
}

async function dataFiles(lake: string): Promise<string[]> {
  const names = await readdir(join(lake, 'tables/images'), { recursive: true });
  return names.filter((name) => name.endsWith('.parquet')).sort();
}

type Verb = (context: MaintenanceContext, folder: string) => Promise<unknown>;

/** All that commit to a table of a user, with how many data files they write. */
const VERBS: readonly [name: string, run: Verb, writtenCount: number, rowCount: number][] = [
  ['ingest', (context, folder) => ingestCatalogue(context, { source: join(folder, 'more') }), 1, 8],
  ['delete', (context) => deleteRows(context, { table: 'images', where: 'id IN (1, 5)' }), 1, 4],
  ['optimize', (context) => optimizeTable(context, { table: 'images' }), 1, 6],
  ['restore', (context) => restoreTable(context, { table: 'images', to: '0' }), 0, 3],
];

describe.each(VERBS)('%s', (_, run, writtenCount, rowCount) => {
  test('loses nothing if it is stopped while its commit is put', async () => {
    const { lake, folder, store } = await openLake();
    const stopped = new DOMException('stopped', 'AbortError');
    const lost = withFaults(store, {
      writeIfAbsent: async (key, ...more) => {
        const isWritten = await store.writeIfAbsent(key, ...more);
        if (key.includes('_delta_log')) throw stopped;
        return isWritten;
      },
    });
    await expect(run({ store: lost, software: 'test' }, folder)).rejects.toBe(stopped);
    const report = await openLakehouse({ lake }).tables.verify('images', true);
    expect(report).toMatchObject({ version: 2, rowCount, problems: [] });
  });

  test('leaves the table and its folder as they were if it must not commit', async () => {
    const { lake, folder, store } = await openLake();
    const before = await dataFiles(lake);
    let written: string[] = [];
    const dropping = withFaults(store, {
      // The last look at the store before the commit.
      stat: async (key) => {
        if (!key.endsWith('/_dropped')) return store.stat(key);
        written = (await dataFiles(lake)).filter((name) => !before.includes(name));
        return { key, sizeBytes: 0, modifiedMs: 0 };
      },
    });
    await expect(run({ store: dropping, software: 'test' }, folder)).rejects.toMatchObject({
      code: 'TABLE_IN_USE',
    });
    expect(written).toHaveLength(writtenCount);
    expect(await dataFiles(lake)).toEqual(before);
    const report = await openLakehouse({ lake }).tables.verify('images', true);
    expect(report).toMatchObject({ version: 1, rowCount: 6, problems: [] });
  });
});
