import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { type ModelSession, openModelSession } from '../../src/model/open-session.ts';
import { processImages } from '../../src/run/process-images.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import type { ShardContext } from '../../src/run/shard-context.ts';
import type { ShardItem } from '../../src/run/shard-item.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeExecution } from '../support/execution.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { openLakehouse } from '../../src/index.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { writeModel } from '../model/toy-model.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { queryRows, runWith } from '../support/run-in-process.ts';

const COLOURS = ['#ff0000', '#00ff00', '#0000ff'] as const;

/** Columns of the toy model by the colour that they stand for: it gives both pixels back, channel by channel. */
const LABELS: readonly (readonly string[])[] = [
  ['a', 'b'],
  ['c', 'd'],
  ['e', 'f'],
];

test('each image has its own predictions and pixels, whatever fails before and after it in a batch', async () => {
  const folder = await makeTestFolder();
  const ids = Array.from({ length: 11 }, (_, index) => index + 1);
  const failing = [1, 4, 6, 7, 11];
  const images = ids.map(async (id) => {
    const background = COLOURS[id % 3] ?? '';
    const create = { width: 40, height: 20, channels: 3, background } as const;
    const bytes = await sharp({ create }).jpeg().toBuffer();
    return [`${id}.jpg`, failing.includes(id) ? bytes.subarray(0, bytes.length / 2) : bytes] as const;
  });
  const lines = ids.map((id) => csvLine({ id }));
  await writeCatalogue(join(folder, 'source'), lines, Object.fromEntries(await Promise.all(images)));
  const lake = join(folder, 'lake');
  const lakehouse = openLakehouse({ lake });
  await lakehouse.ingest({ source: join(folder, 'source') });
  const { onnxPath } = await writeModel(await makeTestFolder());
  // Two whole shards of two batches each, and one of a single row, which fails.
  const spec = {
    name: 'r',
    sql: 'SELECT id FROM images',
    shardSize: 5,
    model: onnxPath,
    transform: { size: 16, crop: 0 },
  };
  expect(await runWith(openLocalStore(lake), spec)).toMatchObject({
    shardCount: 3,
    imageCount: 6,
    errorCount: 5,
  });
  const rows = await queryRows<{ id: number; image_key: string; pred_toy: string }>(
    { lakehouse },
    'SELECT id::INTEGER AS id, image_key, pred_toy_labels[1] AS pred_toy FROM runs.r ORDER BY id',
  );
  expect(rows.map(({ id }) => id)).toEqual(ids.filter((id) => !failing.includes(id)));
  for (const { id, image_key: key, pred_toy: label } of rows) {
    expect(LABELS[id % 3], `image ${id}`).toContain(label);
    const { channels } = await sharp(join(lake, key))
      .extract({ left: 4, top: 6, width: 8, height: 4 })
      .stats();
    const brightest = channels
      .map(({ mean }) => mean)
      .reduce((best, mean, at, all) => (mean > (all[best] ?? 0) ? at : best), 0);
    expect(brightest, `image ${id}`).toBe(id % 3);
  }
});

describe('a batch', () => {
  /** What images are made with, and the item of one, by default of its first copy. */
  async function open(
    spec: Partial<RunSpec> = {},
    session?: ModelSession,
  ): Promise<{ readonly store: ObjectStore; readonly context: ShardContext }> {
    const store = openLocalStore(await makeTestFolder());
    const run = parseRunSpec({ name: 'r', sql: '', transform: { size: 8, crop: 0 }, ...spec }, 'test');
    const execution = { ...makeExecution('r'), run };
    return { store, context: { source: store, store, execution, session } as unknown as ShardContext };
  }

  const itemOf = (id: string, changes: Partial<ShardItem> = {}): ShardItem => ({
    ordinal: 3n,
    firstOrdinal: 3n,
    id,
    stem: `images/${id}`,
    copy: 0,
    imageKey: `${id}.jpg`,
    sha256: null,
    box: null,
    ...changes,
  });

  test('gives each image with all that its row of the manifest tells', async () => {
    const { store, context } = await open({ transform: { size: 8, crop: 0, format: 'png' } });
    const bytes = await drawJpeg(1);
    await store.write('a.jpg', bytes);
    const item = itemOf('a', { sha256: sha256Of(bytes) });
    const [result, ...more] = await processImages(context, [item]);
    const encoded = await store.read('images/a.png');
    expect(more).toEqual([]);
    expect(result).toMatchObject({
      kind: 'image',
      item,
      image: {
        imageId: 'a',
        copy: 0,
        imageKey: 'images/a.png',
        sha256: sha256Of(encoded),
        format: 'png',
        sourceKey: 'a.jpg',
        original: { width: 60, height: 80, sha256: sha256Of(bytes) },
        rendered: { width: 8, height: 8 },
        drawn: { cropWidth: 60, cropHeight: 80 },
        predictions: [],
      },
    });
  });

  test('reads each original once, and numbers the copies of an image', async () => {
    const { store, context } = await open({ copies: 2 });
    for (const id of ['a', 'b']) await store.write(`${id}.jpg`, await drawJpeg(id === 'a' ? 1 : 2));
    const reads: string[] = [];
    const source = withFaults(store, {
      async read(key, range) {
        reads.push(key);
        return store.read(key, range);
      },
    });
    const items = ['a', 'b'].flatMap((id) => [0, 1].map((copy) => itemOf(id, { copy })));
    const results = await processImages({ ...context, source }, items);
    expect(
      results.map((result) => (result.kind === 'image' ? result.image.imageId : result.error.code)),
    ).toEqual(['a-0', 'a-1', 'b-0', 'b-1']);
    expect(await keysOf(store, 'images')).toEqual(
      ['a-0', 'a-1', 'b-0', 'b-1'].map((name) => `images/${name}.jpg`),
    );
    expect(reads.toSorted()).toEqual(['a.jpg', 'b.jpg']);
  });

  test('tells of each image that failed in which stage it did, and why', async () => {
    const { store, context } = await open();
    const bytes = await drawJpeg(1);
    for (const name of ['good', 'changed']) await store.write(`${name}.jpg`, bytes);
    await store.write('empty.jpg', Buffer.alloc(0));
    await store.write('torn.jpg', bytes.subarray(0, 300));
    const items = [
      itemOf('gone'),
      itemOf('nameless', { imageKey: null }),
      itemOf('empty'),
      itemOf('changed', { sha256: 'f'.repeat(64) }),
      itemOf('torn'),
      itemOf('good'),
    ];
    const results = await processImages(context, items);
    expect(results.map((result) => [result.kind, result.item])).toEqual(
      items.map((item) => [item.id === 'good' ? 'image' : 'failure', item]),
    );
    const failures = results.flatMap((result) =>
      result.kind === 'failure' ? [`${result.stage} ${result.error.code}`] : [],
    );
    expect(failures).toEqual([
      'read OBJECT_NOT_FOUND',
      'read IMAGE_MISSING',
      'read IMAGE_EMPTY',
      'read IMAGE_CHANGED',
      'transform IMAGE_CORRUPT',
    ]);
    // No place of this machine: a copied lake is the same lake.
    expect(results[0]).toMatchObject({
      error: { message: expect.stringMatching(/^cannot read gone\.jpg: ENOENT.* 'gone\.jpg'$/u) },
    });
    expect(results[1]).toMatchObject({ error: { message: 'the row of nameless names no original' } });
    expect(results[3]).toMatchObject({
      error: { message: 'changed.jpg no longer has the bytes that were ingested' },
    });
    expect(await keysOf(store, 'images')).toEqual(['images/good.jpg']);
  });

  test.each([
    ['STORAGE_FAILED', true],
    ['STORAGE_DENIED', true],
    ['BUCKET_NOT_FOUND', true],
    ['OBJECT_NOT_FOUND', false],
  ] as const)(
    'whose source fails with %s says nothing of its image, over the network: %s',
    async (code, isOutage) => {
      const { store, context } = await open();
      const fault = new PixlakeError(code, 'no answer');
      const read = async (): Promise<never> => Promise.reject(fault);
      const failure = [{ kind: 'failure', stage: 'read', error: fault }];
      expect(
        await processImages({ ...context, source: withFaults(store, { read }) }, [itemOf('a')]),
      ).toMatchObject(failure);
      const source = withFaults(store, { read, remote: {} as NonNullable<ObjectStore['remote']> });
      const work = processImages({ ...context, source }, [itemOf('a')]);
      if (isOutage) await expect(work).rejects.toBe(fault);
      else expect(await work).toMatchObject(failure);
      expect.assertions(2);
    },
  );

  test('fails as a whole where writing does', async () => {
    const { store, context } = await open();
    await store.write('a.jpg', await drawJpeg(1));
    const full = new PixlakeError('STORAGE_FULL', 'full');
    const target = withFaults(store, { writeIfAbsent: async () => Promise.reject(full) });
    await expect(processImages({ ...context, store: target }, [itemOf('a')])).rejects.toBe(full);
  });

  test('is labelled as a whole, and an image without a label is an error of its own', async () => {
    const session = await openModelSession(await writeModel(await makeTestFolder()), { threads: 1 });
    onTestFinished(() => session.close());
    const wrong = new PixlakeError('MODEL_FAILED', 'not a number');
    const counts: number[] = [];
    const picky: ModelSession = {
      card: session.card,
      sha256: session.sha256,
      async predict(values, count) {
        counts.push(count);
        const predictions = await session.predict(values, count);
        return predictions.map((one, index) => (index === 1 ? wrong : one));
      },
      close: () => session.close(),
    };
    const { store, context } = await open({}, picky);
    for (const id of ['a', 'c', 'd']) await store.write(`${id}.jpg`, await drawJpeg(1));
    const results = await processImages(
      context,
      ['a', 'b', 'c', 'd'].map((id) => itemOf(id)),
    );
    expect(counts).toEqual([3]);
    const told = results.map((result) =>
      result.kind === 'image' ? result.image.predictions.length : `${result.stage} ${result.error.code}`,
    );
    expect(told).toEqual([4, 'read OBJECT_NOT_FOUND', 'infer MODEL_FAILED', 4]);
    expect(await keysOf(store, 'images')).toEqual(['images/a.jpg', 'images/d.jpg']);
  });

  test.each(['WORKER_TOO_SMALL', 'MODEL_FAILED'] as const)(
    'fails as a whole with %s, which is of the machine',
    async (code) => {
      const fault = new PixlakeError(code, 'of the machine');
      const { store, context } = await open();
      await store.write('a.jpg', await drawJpeg(1));
      const run = Object.defineProperty({ ...context.execution.run }, 'maxPixels', {
        get: () => {
          throw fault;
        },
      });
      const execution = { ...context.execution, run };
      await expect(processImages({ ...context, execution }, [itemOf('a')])).rejects.toBe(fault);
    },
  );
});
