import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ModelCardSpec } from '../../src/model/model-card.ts';
import type { OnnxModel } from '../../src/model/fashionnet/onnx-writer.ts';
import { openModelSession } from '../../src/model/open-session.ts';
import type { ModelFiles } from '../../src/model/model-files.ts';
import { TOY_CARD, TOY_MODEL, TOY_OUTPUT, writeModel } from './toy-model.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-session-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(model?: OnnxModel, changes?: Partial<ModelCardSpec>) {
  return openModelSession(await writeModel(folder, model, changes), { threads: 1 });
}

describe('predict', () => {
  it('ranks labels by score, ties by their place in the card', async () => {
    const session = await open();
    const results = await session.predict(Float32Array.of(0.25, 0.5, 0, 0.75, 0.5, 0.25), 1);
    expect(results).toEqual([
      [{ kind: 'labels', column: 'toy', labels: ['d', 'b', 'e'], scores: [0.75, 0.5, 0.5] }],
    ]);
    await session.close();
  });

  it('applies a softmax to logits, also to large ones', async () => {
    const session = await open(TOY_MODEL, { outputs: [{ ...TOY_OUTPUT, kind: 'logits', topK: 2 }] });
    const [result] = await session.predict(Float32Array.of(1000, 1000, 0, Number.NEGATIVE_INFINITY, 0, 0), 1);
    expect(result).toEqual([{ kind: 'labels', column: 'toy', labels: ['a', 'b'], scores: [0.5, 0.5] }]);
    await session.close();
  });

  it('fails only the images whose scores are not scores, and says why', async () => {
    const session = await open();
    const good = [0.5, 0.25, 0, 0, 0, 0];
    const batch = Float32Array.from([...good, Number.NaN, 0, 0, 0, 0, 0, ...good, 0, 0, 7, 0, 0, 0]);
    const results = await session.predict(batch, 4);
    expect(results[0]).toEqual(results[2]);
    expect(results[0]).toMatchObject([{ labels: ['a', 'b', 'c'] }]);
    expect(results[1]).toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining('NaN for "a"'),
    });
    expect(results[3]).toMatchObject({ code: 'MODEL_FAILED', message: expect.stringContaining('7 for "c"') });
    await session.close();
  });

  it('fills up the batch of a model that only runs whole batches', async () => {
    const fixed = { ...TOY_MODEL, inputs: [{ name: 'pixels', dims: [4, 3, 1, 2] }] };
    const session = await open({ ...fixed, outputs: [{ name: 'scores', dims: [4, 6] }] });
    const results = await session.predict(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), 2);
    expect(results).toMatchObject([[{ labels: ['a', 'b', 'c'] }], [{ labels: ['b', 'a', 'c'] }]]);
    await session.close();
  });

  it.each([
    [30, 5],
    [11, 2],
    [24, -1],
  ])('refuses a batch of %i values for %i images', async (valueCount, count) => {
    const session = await open();
    await expect(session.predict(new Float32Array(valueCount), count)).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      message: `cannot label ${count} images of 6 values, given ${valueCount} values and batches of 4`,
    });
    await session.close();
  });

  it('takes a whole batch, one with room to spare, and none', async () => {
    const session = await open();
    expect(await session.predict(new Float32Array(24), 4)).toHaveLength(4);
    expect(await session.predict(new Float32Array(24), 1)).toHaveLength(1);
    expect(await session.predict(new Float32Array(0), 0)).toEqual([]);
    await session.close();
  });

  it('names the file when a run fails', async () => {
    const reshape: OnnxModel = {
      ...TOY_MODEL,
      nodes: [{ op: 'Reshape', inputs: ['pixels', 'shape'], outputs: ['scores'] }],
      tensors: [{ name: 'shape', dims: [2], values: BigInt64Array.of(1n, 6n) }],
    };
    const session = await open(reshape);
    await expect(session.predict(new Float32Array(12), 2)).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining(join(folder, 'toy.onnx')),
    });
    await session.close();
  });

  it('finds out before it is used that an output of unknown size has another one', async () => {
    // A shape that depends on the pixels, or ONNX Runtime would work it out when it loads the model.
    const open6: OnnxModel = {
      ...TOY_MODEL,
      nodes: [
        { op: 'ReduceSum', inputs: ['pixels'], outputs: ['sum'], attributes: { keepdims: 0 } },
        { op: 'Cast', inputs: ['sum'], outputs: ['offset'], attributes: { to: 7 } },
        { op: 'Add', inputs: ['base', 'offset'], outputs: ['shape'] },
        { op: 'Reshape', inputs: ['pixels', 'shape'], outputs: ['scores'] },
      ],
      tensors: [{ name: 'base', dims: [2], values: BigInt64Array.of(1n, 6n) }],
      outputs: [{ name: 'scores', dims: ['batch', 'size'] }],
    };
    await expect(
      open(open6, { outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b', 'c'] }] }),
    ).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: expect.stringContaining('gave [1, 6] for 1 images, but the card lists 3 labels'),
    });
  });
});

describe('other outputs', () => {
  it('float16 goes in and comes out', async () => {
    const { card } = await writeModel(folder);
    const onnxPath = join(import.meta.dirname, 'fixtures', 'float16.onnx');
    const sha256 = createHash('sha256')
      .update(await readFile(onnxPath))
      .digest('hex');
    const session = await openModelSession({ card, onnxPath, sha256 }, { threads: 1 });
    const [result] = await session.predict(Float32Array.of(0.1, 0.5, 0, 1, 0.25, 0), 1);
    expect(result).toMatchObject([{ labels: ['d', 'b', 'e'], scores: [1, 0.5, 0.25] }]);
    await session.close();
  });

  it('an embedding is kept as it is, unless a value is no number', async () => {
    const session = await open(TOY_MODEL, {
      outputs: [{ name: 'scores', column: 'point', kind: 'embedding', size: 6 }],
    });
    const results = await session.predict(
      Float32Array.of(-5, 0, 7, 1, 1, 1, 0, 0, Number.POSITIVE_INFINITY, 0, 0, 0),
      2,
    );
    expect(results[0]).toEqual([{ kind: 'embedding', column: 'point', values: [-5, 0, 7, 1, 1, 1] }]);
    expect(results[1]).toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining('not numbers'),
    });
    await session.close();
  });

  it('a threshold leaves out what does not reach it, and all scores are there if the card wants them', async () => {
    const { topK: _topK, ...rest } = TOY_OUTPUT;
    const session = await open(TOY_MODEL, { outputs: [{ ...rest, threshold: 0.5, allScores: true }] });
    const scores = [0.5, 0.25, 0.75, 0, 1, 0.25];
    const [some, none] = await session.predict(Float32Array.from([...scores, 0, 0, 0, 0, 0, 0.25]), 2);
    expect(some).toEqual([
      { kind: 'labels', column: 'toy', labels: ['e', 'c', 'a'], scores: [1, 0.75, 0.5], allScores: scores },
    ]);
    expect(none).toMatchObject([{ labels: [], scores: [] }]);
    await session.close();
  });
});

describe('openModelSession', () => {
  it('tells the card and the checksum, and gives the model back when it is closed', async () => {
    const files = await writeModel(folder);
    const create = vi.spyOn(InferenceSession, 'create');
    onTestFinished(() => create.mockRestore());
    const session = await openModelSession(files, { threads: 1 });
    expect([session.card, session.sha256]).toEqual([files.card, files.sha256]);
    expect(create).toHaveBeenCalledExactlyOnceWith(await readFile(files.onnxPath), {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: files.onnxPath } },
    });
    const loaded = (await create.mock.results[0]?.value) as InferenceSession;
    const release = vi.spyOn(loaded, 'release');
    await session.close();
    expect(release).toHaveBeenCalledOnce();
    // Of the runtime itself, whose messages would be printed outside of the log.
    expect(env.logLevel).toBe('fatal');
  });

  it('gives the model back that does not match its card', async () => {
    const files = await writeModel(folder, TOY_MODEL, { input: { ...TOY_CARD.input, width: 3 } });
    const original = InferenceSession.create.bind(InferenceSession);
    const released: unknown[] = [];
    const create = vi.spyOn(InferenceSession, 'create').mockImplementation(async (bytes: Uint8Array) => {
      const loaded = await original(bytes);
      vi.spyOn(loaded, 'release').mockImplementation(async () => void released.push(loaded));
      return loaded;
    });
    onTestFinished(() => create.mockRestore());
    await expect(openModelSession(files, { threads: 1 })).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect(released).toHaveLength(1);
    expect(create).toHaveBeenCalledOnce();
  });

  const hasCuda = existsSync('/dev/nvidiactl');
  if (hasCuda) console.warn('skipped: what happens without CUDA, since it is here');

  it.skipIf(hasCuda)('says that a device is not there', async () => {
    const files = await writeModel(folder);
    await expect(openModelSession(files, { threads: 1, device: 'cuda' })).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
    });
  });

  it('says that the file went away', async () => {
    const files = await writeModel(folder);
    await rm(files.onnxPath);
    await expect(openModelSession(files, { threads: 1 })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('gives an error where a model wants more memory than there is', async () => {
    const huge: OnnxModel = {
      ...TOY_MODEL,
      nodes: [
        { op: 'Flatten', inputs: ['pixels'], outputs: ['flat'], attributes: { axis: 1 } },
        { op: 'ReduceMax', inputs: ['flat'], outputs: ['top'], attributes: { keepdims: 0 } },
        { op: 'Expand', inputs: ['top', 'shape'], outputs: ['much'] },
        { op: 'ReduceMax', inputs: ['much'], outputs: ['one'], attributes: { keepdims: 0 } },
        { op: 'Mul', inputs: ['flat', 'one'], outputs: ['scores'] },
      ],
      tensors: [{ name: 'shape', dims: [1], values: BigInt64Array.of(2n ** 46n) }],
    };
    await expect(open(huge)).rejects.toMatchObject({ code: 'MODEL_FAILED' });
  });

  it.each<[string, OnnxModel, Partial<ModelCardSpec>, string]>([
    [
      'an input of another size',
      TOY_MODEL,
      { input: { ...TOY_CARD.input, width: 3 } },
      'input "pixels" has shape [batch, 3, 1, 2], but the card states [any, 3, 1, 3]',
    ],
    [
      'another fixed batch size',
      {
        ...TOY_MODEL,
        inputs: [{ name: 'pixels', dims: [2, 3, 1, 2] }],
        outputs: [{ name: 'scores', dims: [2, 6] }],
      },
      {},
      'input "pixels" has shape [2, 3, 1, 2], but the card states [4, 3, 1, 2]',
    ],
    [
      'fewer labels than scores',
      TOY_MODEL,
      { outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b', 'c'] }] },
      'output "scores" has shape [batch, 6], but the card states [any, 3]',
    ],
    [
      'an output of another rank',
      {
        ...TOY_MODEL,
        nodes: [{ op: 'Sigmoid', inputs: ['pixels'], outputs: ['scores'] }],
        outputs: [{ name: 'scores', dims: ['batch', 3, 1, 2] }],
      },
      {},
      'output "scores" has shape [batch, 3, 1, 2], but the card states [any, 6]',
    ],
  ])('refuses %s', async (_, model, changes, reason) => {
    await expect(open(model, changes)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: expect.stringContaining(reason),
    });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 20)],
    ['garbage', () => Buffer.from('this is not a model, '.repeat(50))],
    ['empty', () => Buffer.alloc(0)],
    // The version of the operators, 17, becomes 99.
    [
      'of a time to come',
      (bytes) => {
        const at = bytes.lastIndexOf(Buffer.of(0x42, 2, 0x10, 17));
        return Buffer.concat([bytes.subarray(0, at + 3), Buffer.of(99), bytes.subarray(at + 4)]);
      },
    ],
    // Field 7 (the graph), length-delimited, of 1 GiB.
    ['a claim of 1 GiB', () => Buffer.from([0x3a, 0x80, 0x80, 0x80, 0x80, 0x04, 1, 2, 3])],
  ])('refuses a file that is %s, naming it', async (_, damage) => {
    const files = await rewrite(await writeModel(folder), damage);
    await expect(openModelSession(files, { threads: 1 })).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining(files.onnxPath),
    });
  });

  it('refuses a file that was changed after it was resolved', async () => {
    const files = await writeModel(folder);
    await rewrite(files, (bytes) => bytes.subarray(1));
    await expect(openModelSession(files, { threads: 1 })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: expect.stringContaining('was changed'),
    });
  });

  it('refuses weights in another file, which the checksum would not cover', async () => {
    const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
    const files = await writeModel(folder, {
      ...TOY_MODEL,
      nodes: [
        { op: 'Flatten', inputs: ['pixels'], outputs: ['flat'], attributes: { axis: 1 } },
        { op: 'Add', inputs: ['flat', 'weights'], outputs: ['scores'] },
      ],
      tensors: [{ name: 'weights', dims: [6], values: weights }],
    });
    await writeFile(join(folder, 'theirs.bin'), weights);
    // The tensor's raw_data (field 9, 24 bytes) becomes external_data { location } (13) and data_location (14) of the same length.
    const inside = Buffer.concat([Buffer.of(0x4a, 24), Buffer.from(weights.buffer)]);
    const outside = Buffer.from('\x6a\x16\x0a\x08location\x12\x0atheirs.bin\x70\x01', 'latin1');
    expect(outside).toHaveLength(inside.length);
    const external = await rewrite(files, (bytes) => {
      const at = bytes.indexOf(inside);
      return Buffer.concat([bytes.subarray(0, at), outside, bytes.subarray(at + inside.length)]);
    });
    await expect(openModelSession(external, { threads: 1 })).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining('External data path'),
    });
  });
});

/** Changes the file of a model; the result is the model with the checksum of the new bytes. */
async function rewrite(files: ModelFiles, change: (bytes: Buffer) => Buffer): Promise<ModelFiles> {
  const bytes = change(await readFile(files.onnxPath));
  await writeFile(files.onnxPath, bytes);
  return { ...files, sha256: createHash('sha256').update(bytes).digest('hex') };
}
