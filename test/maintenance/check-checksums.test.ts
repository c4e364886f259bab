import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { checkpointKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { makeRandom } from '../support/run-in-process.ts';
import { copyGrownTable } from './grown-table.ts';

describe('verify', () => {
  test('deeply, finds a flipped bit anywhere in a data file or a checkpoint', async () => {
    const { lakehouse, lake } = await copyGrownTable();
    const store = openLocalStore(lake);
    const snapshot = await readSnapshot(store, 'tables/images');
    if (snapshot === undefined) throw new Error('no table');
    await writeCheckpoint(store, snapshot);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
    const keys = [snapshot.files[0]?.key ?? '', checkpointKey('tables/images', snapshot.version)];
    const random = makeRandom(5);
    for (const key of keys) {
      const path = join(lake, key);
      const whole = await readFile(path);
      for (let round = 0; round < 4; round++) {
        const bytes = Buffer.from(whole);
        const place = Math.floor(random() * bytes.length);
        bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
        await writeFile(path, bytes);
        const { problems } = await lakehouse.tables.verify('images', true);
        expect(
          problems.map((problem) => problem.key),
          `byte ${place}`,
        ).toContain(key);
      }
      await writeFile(path, whole);
    }
  });
});
