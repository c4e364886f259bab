import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkCheckpoint, checkDataFile } from '../../src/maintenance/check-checksums.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { checksumTag } from '../../src/table/checksum-tag.ts';
import { checkpointKey, lastCheckpointKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
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

const BYTES = Buffer.from('some bytes');
const OTHER = 'does not match the checksum with which it was written';

describe('a checksum', () => {
  const fileOf = (tags?: Record<string, string>) => {
    const add = { path: 'f', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true };
    return { key: 'f', sizeBytes: 1, partitionValues: {}, add: tags === undefined ? add : { ...add, tags } };
  };

  test('of a data file is that of its bytes, where the store is local and where it is not', async () => {
    const local = openLocalStore(await makeTestFolder());
    await local.write('f', BYTES);
    const remote = withFaults(local, {
      remote: {} as NonNullable<ObjectStore['remote']>,
      locate: (key) => `s3://bucket/${key}`,
    });
    for (const store of [local, remote]) {
      expect(await checkDataFile(store, fileOf(checksumTag(sha256Of(BYTES))))).toEqual([]);
      expect(await checkDataFile(store, fileOf(checksumTag('00')))).toEqual([{ key: 'f', problem: OTHER }]);
      expect(await checkDataFile(store, fileOf({ a: 'b' }))).toEqual([]);
      expect(await checkDataFile(store, fileOf())).toEqual([]);
    }
  });

  test.each([
    ['is that of its bytes', { version: 3, sha256: sha256Of(BYTES) }, false],
    ['is another', { version: 3, sha256: '00' }, true],
    ['of one that is not there', { version: 4, sha256: '00' }, false],
    ['that another writer did not write', { version: 3 }, false],
    ['of a hint that is none', 'torn', false],
  ])('of the newest checkpoint %s', async (_, hint, isProblem) => {
    const store = openLocalStore(await makeTestFolder());
    await store.write(checkpointKey('t', 3), BYTES);
    await store.write(
      lastCheckpointKey('t'),
      Buffer.from(typeof hint === 'string' ? hint : JSON.stringify(hint)),
    );
    const problems = isProblem ? [{ key: checkpointKey('t', 3), problem: OTHER }] : [];
    expect(await checkCheckpoint(store, 't')).toEqual(problems);
  });

  test('of a table without a hint is not looked for', async () => {
    const store = openLocalStore(await makeTestFolder());
    await store.write(checkpointKey('t', 3), BYTES);
    expect(await checkCheckpoint(store, 't')).toEqual([]);
  });
});
