import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { log } from '../../src/config.ts';
import { addRecord, readRecord } from '../../src/run/stored-record.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { wrapStore } from '../support/run-in-process.ts';

const KEY = 'submissions/r.json';
const schema = z.object({ number: z.int() });

afterEach(() => {
  vi.restoreAllMocks();
});

async function open(): Promise<ObjectStore> {
  return openLocalStore(await makeTestFolder());
}

test('a record is added once, and read as it was added', async () => {
  const store = await open();
  expect(await readRecord(store, KEY, schema)).toEqual({ kind: 'absent' });
  expect(await addRecord(store, KEY, { number: 1 })).toBe(true);
  expect(await addRecord(store, KEY, { number: 2 })).toBe(false);
  expect(await readRecord(store, KEY, schema)).toEqual({ kind: 'valid', value: { number: 1 } });
});

test.each([
  ['torn', '{"num'],
  ['empty', ''],
  ['of another shape', '{"number":"one"}'],
])(
  'a record that is %s is copied aside once, named in the log without its text, and left',
  async (_, text) => {
    const store = await open();
    const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
    await store.write(KEY, Buffer.from(text));
    for (let time = 0; time < 2; time++)
      expect(await readRecord(store, KEY, schema)).toEqual({ kind: 'damaged' });
    expect((await store.read(KEY)).toString()).toBe(text);
    const [copy = '', ...more] = await keysOf(store, 'submissions/damaged');
    expect(more).toEqual([]);
    expect(copy).toMatch(/^submissions\/damaged\/r\.json\.[0-9a-f]{8}$/u);
    expect((await store.read(copy)).toString()).toBe(text);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ key: KEY, copy }),
      expect.any(String),
    );
    if (text !== '') expect(JSON.stringify(warn.mock.calls)).not.toContain(text);
  },
);

test('a record is written durably, with a checksum, and read without one as older versions wrote it', async () => {
  const store = await open();
  const seen: unknown[] = [];
  const watched = wrapStore(store, {
    writeIfAbsent: async (key, bytes, options) => {
      seen.push([key, options]);
      return store.writeIfAbsent(key, bytes, options);
    },
  });
  expect(await addRecord(watched, KEY, { number: 1 })).toBe(true);
  expect(seen).toEqual([[KEY, { durable: true }]]);
  const text = (await store.read(KEY)).toString();
  await store.write(KEY, Buffer.from(text.replace('"number": 1', '"number": 2')));
  vi.spyOn(log, 'warn').mockReturnValue(undefined);
  expect(await readRecord(store, KEY, schema)).toEqual({ kind: 'damaged' });
  await store.write(KEY, Buffer.from('{"number":3}'));
  expect(await readRecord(store, KEY, schema)).toEqual({ kind: 'valid', value: { number: 3 } });
});

test.each([
  ['{"number":"one"}', /^number: /u],
  ['[]', /^record: /u],
  ['{"num', /^it is damaged or incomplete$/u],
  ['', /^it is damaged or incomplete$/u],
])('the log names what is wrong with %j', async (text, reason) => {
  const store = await open();
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  await store.write(KEY, Buffer.from(text));
  await readRecord(store, KEY, schema);
  expect(warn.mock.calls).toMatchObject([
    [
      { key: KEY, reason: expect.stringMatching(reason) },
      'a record of an accepted run is damaged; pixlake ignores it and keeps a copy',
    ],
  ]);
});

test('a damaged record in a lake that cannot be written to is named, and stops nobody', async () => {
  const store = await open();
  await store.write(KEY, Buffer.from('x'));
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  const readOnly = wrapStore(store, {
    writeIfAbsent: async () => {
      throw new Error('read-only');
    },
  });
  expect(await readRecord(readOnly, KEY, schema)).toEqual({ kind: 'damaged' });
  expect(warn.mock.calls).toEqual([
    [
      { key: KEY, reason: 'it is damaged or incomplete', code: 'INTERNAL_ERROR' },
      'a record of an accepted run is damaged; pixlake ignores it, and could not copy it',
    ],
  ]);
});
