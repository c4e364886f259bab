import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/image/image-limits.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { drawNoise } from '../support/draw-images.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { type Chosen, storeAll } from './store-chosen.ts';

const NO_FACTS = {
  image_key: null,
  image_sha256: null,
  image_bytes: null,
  image_format: null,
  image_width: null,
  image_height: null,
  image_channels: null,
  image_frames: null,
  image_bit_depth: null,
  image_status: null,
  image_reason: null,
};

const JPEG = await drawJpeg(1, 12, 16);
const TEXT = Buffer.from('some text');
const textFacts = { status: 'unsupported', reason: 'a text file, not an image' };

test('an image is stored as it is, with all that is known of it', async () => {
  const png = await drawNoise(5, 4).png().toBuffer();
  const { storedBytes, images, unread, keys, log } = await storeAll([
    { id: 'b/1', content: JPEG },
    { id: 'a', content: png },
  ]);
  const facts = {
    image_channels: 3,
    image_frames: 1,
    image_bit_depth: 8,
    image_status: 'ok',
    image_reason: null,
  };
  expect(images).toEqual([
    {
      image_ref: 'ref a',
      image_key: 'originals/t/a.png',
      image_sha256: sha256Of(png),
      image_bytes: BigInt(png.length),
      image_format: 'png',
      image_width: 5,
      image_height: 4,
      ...facts,
    },
    {
      image_ref: 'ref b/1',
      image_key: 'originals/t/b%2F1.jpg',
      image_sha256: sha256Of(JPEG),
      image_bytes: BigInt(JPEG.length),
      image_format: 'jpeg',
      image_width: 12,
      image_height: 16,
      ...facts,
    },
  ]);
  expect(unread).toEqual([]);
  expect(keys).toEqual(['originals/t/a.png', 'originals/t/b%2F1.jpg']);
  expect(storedBytes).toBe(JPEG.length + png.length);
  expect(log.filter((line) => line.includes(' of '))).toEqual(['1 of 2', '2 of 2']);
});

test('nothing chosen is nothing stored', async () => {
  expect(await storeAll([])).toEqual({ storedBytes: 0, images: [], unread: [], keys: [], log: [] });
});

test('files that cannot be read are listed, and those that are too large have no original', async () => {
  const { storedBytes, images, unread, keys, log } = await storeAll([
    { id: 'a', content: { kind: 'unreadable', reason: 'it vanished' } },
    { id: 'b', content: { kind: 'tooLarge', sizeBytes: 7 } },
  ]);
  expect(unread).toEqual([
    { image_ref: 'ref a', name: 'a.img', reason: 'the file cannot be read: it vanished' },
  ]);
  expect(images).toEqual([
    {
      ...NO_FACTS,
      image_ref: 'ref b',
      image_bytes: 7n,
      image_status: 'too_large',
      image_reason: 'the file has 7 bytes, more than pixlake reads',
    },
  ]);
  expect([storedBytes, keys]).toEqual([0, []]);
  expect(log).toContain('2 of 2');
});

describe('an image that the table knows', () => {
  const ok = { sha256: sha256Of(JPEG), status: 'ok' };
  const kept = (bytes: Buffer): object => ({
    ...NO_FACTS,
    image_ref: 'ref a',
    image_key: 'old/a',
    image_sha256: sha256Of(bytes),
    image_bytes: BigInt(bytes.length),
  });

  test.each<[string, Chosen, boolean, string[]]>([
    ['is not written again', { id: 'a', content: JPEG, known: ok }, false, []],
    ['is not written again where limits do not change it', { id: 'a', content: JPEG, known: ok }, true, []],
    [
      'is not written again if it is as broken as it was',
      { id: 'a', content: TEXT, known: { sha256: sha256Of(TEXT), ...textFacts } },
      false,
      [],
    ],
  ])('%s', async (_, chosen, areLimitsNew, keys) => {
    const stored = await storeAll([chosen], { areLimitsNew });
    expect(stored.images).toEqual([kept(chosen.content as Buffer)]);
    expect(stored).toMatchObject({ storedBytes: 0, keys });
  });

  test('is not even decoded, unless limits are new', async () => {
    const limits = { ...DEFAULT_LIMITS, maxPixels: 1 };
    const chosen = [{ id: 'a', content: JPEG, known: ok }];
    expect((await storeAll(chosen, { limits })).images).toEqual([kept(JPEG)]);
    const { images } = await storeAll(chosen, { limits, areLimitsNew: true });
    expect(images).toMatchObject([{ image_key: 'originals/t/a.jpg', image_status: 'too_large' }]);
  });

  test.each<[string, Buffer, NonNullable<Chosen['known']>, object]>([
    ['has other bytes', JPEG, { ...ok, sha256: sha256Of(TEXT) }, { image_status: 'ok' }],
    ['was broken', JPEG, { ...ok, status: 'corrupt', reason: 'cut' }, { image_status: 'ok' }],
    [
      'is broken in another way',
      TEXT,
      { sha256: sha256Of(TEXT), ...textFacts, status: 'corrupt' },
      { image_status: 'unsupported' },
    ],
    [
      'is broken for another reason',
      TEXT,
      { sha256: sha256Of(TEXT), ...textFacts, reason: 'old' },
      { image_reason: textFacts.reason },
    ],
    [
      'has other bytes that are as broken',
      TEXT,
      { sha256: sha256Of(JPEG), ...textFacts },
      { image_status: 'unsupported' },
    ],
  ])('is written if it %s', async (_, content, known, facts) => {
    const { images, storedBytes, keys } = await storeAll([{ id: 'a', content, known }]);
    expect(images).toMatchObject([facts]);
    expect(storedBytes).toBe(content.length);
    expect(keys).toHaveLength(1);
  });
});

test.each([
  ['a.TXT', 'a.txt'],
  ['a', 'a.bin'],
  ['a.b.tar2', 'a.tar2'],
  ['a.toolong123', 'a.bin'],
  ['x.txt/a', 'a.bin'],
  ['a.t-t', 'a.bin'],
  ['a.txt ', 'a.bin'],
])('what is no image keeps the ending of its name: %s is %s', async (name, key) => {
  const { keys } = await storeAll([{ id: 'a', name, content: TEXT }]);
  expect(keys).toEqual([`originals/t/${key}`]);
});

describe('the key of an original', () => {
  test('differs in more than case where ids differ in that alone', async () => {
    const { images } = await storeAll([{ id: 'Ab', content: JPEG, hasTwin: true }]);
    expect(images[0]?.['image_key']).toBe(`originals/t/Ab.${sha256Of(Buffer.from('Ab')).slice(0, 16)}.jpg`);
  });

  test('that is taken by the same bytes is shared, and by others gets a hash', async () => {
    const store = openLocalStore(await makeTestFolder());
    await store.write('originals/t/a.jpg', JPEG);
    const same = await storeAll([{ id: 'a', content: JPEG }], {}, store);
    expect(same.keys).toEqual(['originals/t/a.jpg']);
    expect(same.images[0]?.['image_key']).toBe('originals/t/a.jpg');
    const other = await drawJpeg(2, 12, 16);
    const key = `originals/t/a.${sha256Of(other).slice(0, 16)}.jpg`;
    for (const time of [1, 2]) {
      const { images, keys } = await storeAll([{ id: 'a', content: other }], {}, store);
      expect([time, images[0]?.['image_key'], keys]).toEqual([time, key, [key, 'originals/t/a.jpg']]);
    }
    expect(await store.read('originals/t/a.jpg')).toEqual(JPEG);
    expect(await store.read(key)).toEqual(other);
  });
});

describe('batches', () => {
  const many = (count: number, heldBytes = 0): Chosen[] =>
    Array.from({ length: count }, (_, at) => ({
      id: `${at}`,
      content: { kind: 'tooLarge', sizeBytes: at },
      heldBytes,
    }));
  /** Where each batch begins: the files that are opened right after one was done. */
  const beginnings = (log: readonly string[]): string[] =>
    log.filter((line, at) => line.startsWith('open') && (at === 0 || log[at - 1]?.includes(' of ')));

  test('are of 512 images', async () => {
    const { log, images } = await storeAll(many(1025));
    expect(beginnings(log)).toEqual(['open 0', 'open 512', 'open 1024']);
    expect(images).toHaveLength(1025);
    expect(log.at(-1)).toBe('1025 of 1025');
  });

  test('are of no more images than 64 MiB are held for', async () => {
    const { log, images } = await storeAll(many(5, 32 * 1024 * 1024));
    expect(beginnings(log)).toEqual(['open 0', 'open 2', 'open 4']);
    expect(images).toHaveLength(5);
  });

  test('begin only if nobody has stopped the ingest', async () => {
    const stop = new AbortController();
    const done: number[] = [];
    const storing = storeAll(many(600), {
      signal: stop.signal,
      onImage: (count) => {
        done.push(count);
        stop.abort(new Error('stopped'));
      },
    });
    await expect(storing).rejects.toThrow('stopped');
    expect(done).toHaveLength(512);
  });
});

test.each([
  ['of this machine', undefined, 8],
  ['in a remote store', {}, 64],
])('originals %s are written %s at once', async (_, remote, most) => {
  const store = openLocalStore(await makeTestFolder());
  let [writing, highest] = [0, 0];
  const counting = withFaults(store, {
    async writeIfAbsent(key, bytes) {
      writing += 1;
      highest = Math.max(highest, writing);
      const isWritten = await store.writeIfAbsent(key, bytes);
      writing -= 1;
      return isWritten;
    },
    ...(remote === undefined ? {} : { remote: remote as NonNullable<ObjectStore['remote']> }),
  });
  await storeAll(
    Array.from({ length: 80 }, (__, at) => ({ id: `${at}`, content: TEXT })),
    {},
    counting,
  );
  expect(highest).toBe(most);
});
