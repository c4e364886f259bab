import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PixlakeError } from '../../../src/errors.ts';
import { writeTensor } from '../../../src/image/write-tensor.ts';
import { FASHIONNET_CATEGORIES, writeFashionNet } from '../../../src/model/fashionnet/fashionnet.ts';
import { randomWeights } from '../../../src/model/fashionnet/graph-builder.ts';
import { parseModelCard } from '../../../src/model/model-card.ts';
import { openModelSession } from '../../../src/model/open-session.ts';
import { fashionNetSpec } from '../toy-model.ts';

const OPTIONS = { widthDivisor: 32 };
const VALUES_PER_IMAGE = 3 * 224 * 224;

let folder: string;
let onnxPath: string;
let sha256: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-model-'));
  onnxPath = join(folder, 'small.onnx');
  sha256 = await writeFashionNet(onnxPath, OPTIONS);
});
afterAll(() => rm(folder, { recursive: true }));

/** Images that differ: rectangles of another place, size and colour each. */
async function batchOf(count: number): Promise<Float32Array> {
  const { input: format } = parseModelCard(fashionNetSpec(sha256), 'card');
  const batch = new Float32Array(count * VALUES_PER_IMAGE);
  for (let image = 0; image < count; image += 1) {
    const pixels = new Uint8Array(VALUES_PER_IMAGE).fill(240 - 20 * image);
    for (let y = 20 * image; y < 100 + 15 * image; y += 1) {
      for (let x = 30 + 10 * image; x < 150; x += 1) {
        pixels.set([(70 * image) % 256, (x * (image + 1)) % 256, (3 * y) % 256], 3 * (y * 224 + x));
      }
    }
    const values = batch.subarray(image * VALUES_PER_IMAGE, (image + 1) * VALUES_PER_IMAGE);
    await writeTensor({ bytes: pixels, width: 224, height: 224 }, { format, values });
  }
  return batch;
}

describe('writeFashionNet', () => {
  it('gives the same bytes again, other bytes for another seed, and leaves no temporary file', async () => {
    const again = await writeFashionNet(join(folder, 'again.onnx'), OPTIONS);
    const other = await writeFashionNet(join(folder, 'other.onnx'), OPTIONS, randomWeights(2));
    const written = createHash('sha256').update(await readFile(join(folder, 'again.onnx')));
    expect(again).toBe(sha256);
    expect(written.digest('hex')).toBe(sha256);
    expect(other).not.toBe(sha256);
    expect((await readdir(folder)).toSorted()).toEqual(['again.onnx', 'other.onnx', 'small.onnx']);
  });

  it('has not changed since the first release, so that model checksums in manifests stay true', async () => {
    expect(sha256).toBe('30f235a1686ed9dc9b7100f2d7327463d3256d02cdf0150b050685dd4caac1a4');
  });

  it('has a conv5 of its own for the global branch where that is asked for', async () => {
    const own = await writeFashionNet(join(folder, 'own.onnx'), {
      widthDivisor: 64,
      hasOwnGlobalConv5: true,
    });
    await rm(join(folder, 'own.onnx'));
    expect(own).toMatchInlineSnapshot(`"71e492bdf8e99e4584f89216fe24015c69455c0622e09324e26a80ccd0d557b0"`);
  });

  it.each([0, 65, 1.5, Number.NaN])('refuses a width divisor of %s', async (widthDivisor) => {
    await expect(
      writeFashionNet(join(folder, 'no.onnx'), { ...OPTIONS, widthDivisor }),
    ).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: `widthDivisor must be a whole number from 1 to 64, not ${widthDivisor}`,
    });
  });
});

describe('the card', () => {
  it('has the input of ImageNet, the categories of the benchmark and numbered attributes', () => {
    const { input, outputs, licence } = fashionNetSpec(sha256);
    expect(input).toEqual({
      name: 'input',
      width: 224,
      height: 224,
      layout: 'NCHW',
      colorOrder: 'RGB',
      resize: 'fill',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    });
    expect(licence).toBe('Apache-2.0');
    expect(outputs).toEqual([
      {
        name: 'categories',
        column: 'category',
        kind: 'sigmoid',
        labels: [...FASHIONNET_CATEGORIES],
        topK: 5,
      },
      {
        name: 'massive_attr',
        column: 'attribute',
        kind: 'sigmoid',
        labels: { prefix: 'attr_', count: 1000 },
        threshold: 0.5,
        topK: 20,
      },
    ]);
    expect([0, 19, 20, 35, 36, 49].map((index) => FASHIONNET_CATEGORIES[index])).toEqual([
      'Anorak',
      'Turtleneck',
      'Capris',
      'Trunks',
      'Caftan',
      'Sundress',
    ]);
  });
});

describe('the network', () => {
  it('gives [N,1000] attributes and [N,50] categories between 0 and 1 that depend on the image', async () => {
    const session = await InferenceSession.create(onnxPath, { intraOpNumThreads: 1 });
    const tensor = new Tensor('float32', await batchOf(3), [3, 3, 224, 224]);
    const { massive_attr: attributes, categories } = await session.run({ input: tensor });
    await session.release();
    expect(attributes?.dims).toEqual([3, 1000]);
    expect(categories?.dims).toEqual([3, 50]);
    for (const output of [attributes, categories]) {
      const scores = output?.data;
      if (!(scores instanceof Float32Array)) throw new Error('scores are not float32');
      expect(scores.every((score) => score > 0 && score < 1)).toBe(true);
      const [first, second] = [
        scores.subarray(0, 50),
        scores.subarray(scores.length / 3, scores.length / 3 + 50),
      ];
      expect(first).not.toEqual(second);
    }
  });

  it('says the same of an image alone, among others and in another place of the batch', async () => {
    const card = parseModelCard(fashionNetSpec(sha256), 'card');
    const session = await openModelSession({ card, onnxPath, sha256 }, { threads: 1 });
    const count = 5;
    const batch = await batchOf(count);
    const together = await session.predict(batch, count);
    expect(together).toHaveLength(count);
    const reversed = new Float32Array(batch.length);
    for (let image = 0; image < count; image += 1) {
      const pixels = batch.subarray(image * VALUES_PER_IMAGE, (image + 1) * VALUES_PER_IMAGE);
      reversed.set(pixels, (count - 1 - image) * VALUES_PER_IMAGE);
      const [alone] = await session.predict(pixels, 1);
      expectSame(together[image], alone);
    }
    const backwards = (await session.predict(reversed, count)).toReversed();
    for (let image = 0; image < count; image += 1) expectSame(together[image], backwards[image]);
    await session.close();
  });
});

type Result = Awaited<ReturnType<Awaited<ReturnType<typeof openModelSession>>['predict']>>[number];

function expectSame(expected: Result | undefined, actual: Result | undefined): void {
  if (expected === undefined || actual === undefined) throw new Error('an image has no result');
  if (expected instanceof PixlakeError || actual instanceof PixlakeError) throw new Error('an image failed');
  expect(actual.map(({ column }) => column)).toEqual(['category', 'attribute']);
  for (const [index, prediction] of expected.entries()) {
    const other = actual[index];
    if (prediction.kind !== 'labels' || other?.kind !== 'labels') throw new Error('no labels');
    expect(prediction.labels.length).toBeGreaterThanOrEqual(5);
    expect(other.labels).toEqual(prediction.labels);
    for (const [rank, score] of prediction.scores.entries()) {
      expect(Math.abs(score - (other.scores[rank] ?? Number.NaN))).toBeLessThan(1e-6);
    }
  }
}
