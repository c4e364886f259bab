import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import {
  checkpointKey,
  droppedKey,
  lastCheckpointKey,
  listLog,
  listLogBefore,
  logKey,
} from '../../src/table/log-listing.ts';

const LOG = 't/_delta_log';
const name = (version: number, rest: string): string => `${String(version).padStart(20, '0')}.${rest}`;
const UUID = '80a083e8-7026-4e79-81be-64bd76c43a11';

/** A store whose log has these files, which were modified at 0 ms, 1 ms and so on. */
const storeOf = (...names: readonly string[]): ObjectStore =>
  ({
    async *list(folder: string) {
      expect(folder).toBe(LOG);
      for (const [modifiedMs, one] of names.entries())
        yield { key: `${LOG}/${one}`, sizeBytes: 1, modifiedMs };
    },
  }) as unknown as ObjectStore;

test('keys are those of the protocol', () => {
  expect(logKey('t', 12)).toBe(`${LOG}/00000000000000000012.json`);
  expect(checkpointKey('t', 12)).toBe(`${LOG}/00000000000000000012.checkpoint.parquet`);
  expect(lastCheckpointKey('t')).toBe(`${LOG}/_last_checkpoint`);
  expect(droppedKey('t')).toBe(`${LOG}/_dropped`);
});

describe('a log', () => {
  test('has entries with their times, and complete checkpoints, newest first', async () => {
    const one = name(3, 'checkpoint.parquet');
    const two = [1, 2].map((part) => name(10, `checkpoint.000000000${part}.0000000002.parquet`));
    const names = [name(10, 'json'), name(2, 'json'), name(11, 'json'), one, ...two.toReversed()];
    expect(await listLog(storeOf(...names), 't')).toEqual({
      entries: new Map([
        [10, 0],
        [2, 1],
        [11, 2],
      ]),
      checkpoints: [
        { version: 10, keys: two.map((part) => `${LOG}/${part}`) },
        { version: 3, keys: [`${LOG}/${one}`] },
      ],
      hasV2Checkpoints: false,
      newest: 11,
    });
  });

  test('has no checkpoint of which a part is missing, and one in another number of parts is another', async () => {
    const parts = [
      name(5, 'checkpoint.0000000001.0000000002.parquet'),
      name(5, 'checkpoint.0000000002.0000000003.parquet'),
      name(5, 'json'),
    ];
    expect(await listLog(storeOf(...parts), 't')).toMatchObject({ checkpoints: [], newest: 5 });
    const whole = name(5, 'checkpoint.parquet');
    expect(await listLog(storeOf(...parts, whole), 't')).toMatchObject({
      checkpoints: [{ version: 5, keys: [`${LOG}/${whole}`] }],
    });
  });

  test('is as new as its newest checkpoint, which may be all that there is', async () => {
    const log = await listLog(storeOf(name(7, 'checkpoint.parquet')), 't');
    expect(log).toMatchObject({ entries: new Map(), newest: 7 });
    expect(await listLog(storeOf(name(7, 'checkpoint.parquet'), name(6, 'json')), 't')).toMatchObject({
      newest: 7,
    });
  });

  test.each(['json', 'parquet'])('knows checkpoints of version 2 in %s', async (format) => {
    const file = name(0, `checkpoint.${UUID}.${format}`);
    expect(await listLog(storeOf(file), 't')).toEqual({
      entries: new Map(),
      checkpoints: [],
      hasV2Checkpoints: true,
      newest: -1,
    });
  });

  test('of files of other names is none', async () => {
    const names = [
      '_last_checkpoint',
      name(1, 'crc'),
      `x${name(1, 'json')}`,
      `.${name(1, 'json.tmp')}`,
      name(1, 'json.tmp'),
      '1.json',
      name(1, name(2, 'compacted.json')),
      name(1, 'checkpoint.1.2.parquet'),
      name(1, 'checkpoint.x.parquet'),
      name(1, 'checkpoint.json'),
    ];
    expect(await listLog(storeOf(...names), 't')).toBeUndefined();
    expect(await listLog(storeOf(), 't')).toBeUndefined();
  });

  test('of a table that is being dropped is none', async () => {
    expect(await listLog(storeOf(name(1, 'json'), '_dropped'), 't')).toBeUndefined();
  });
});

test('files of the versions before one are listed, oldest first', async () => {
  const old = [
    name(1, 'checkpoint.parquet'),
    name(1, 'crc'),
    name(1, 'json'),
    name(2, `checkpoint.${UUID}.json`),
    name(2, 'json'),
  ];
  const others = [
    name(3, 'json'),
    name(3, 'crc'),
    '_last_checkpoint',
    '1.json',
    `x${name(1, 'json')}`,
    name(1, 'json.tmp'),
    name(1, 'checkpoint.'),
    name(1, 'txt'),
  ];
  const store = storeOf(...others, ...old.toReversed());
  expect(await listLogBefore(store, 't', 3)).toEqual(old.map((one) => `${LOG}/${one}`));
  expect(await listLogBefore(store, 't', 1)).toEqual([]);
});
