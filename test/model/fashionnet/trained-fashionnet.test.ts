import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FASHIONNET_CATEGORIES, writeFashionNet } from '../../../src/model/fashionnet/fashionnet.ts';
import { parseModelCard } from '../../../src/model/model-card.ts';
import { makeTestFolder } from '../../support/pixlake.ts';
import { decode, find } from './read-protobuf.ts';

const FOLDER = new URL('../../../lake/models/fashionnet-small/', import.meta.url);
const ONNX = new URL('fashionnet-small.onnx', FOLDER);

/** Field numbers of onnx.proto. */
const GRAPH = 7;
const NODE = { input: 1, output: 2, opType: 4, attribute: 5 } as const;
const INITIALIZER = { field: 5, dims: 1, name: 8 } as const;

const textsOf = (message: Buffer, field: number): string[] =>
  decode(message).flatMap(([number, value]) =>
    number === field && Buffer.isBuffer(value) ? [value.toString('latin1')] : [],
  );

/** Operators by the value that they make, and shapes of constants by name. Weights that are stored as float16 are as if they were not. */
function describeGraph(model: Buffer): { nodes: Map<string, unknown>; shapes: Map<string, unknown> } {
  const nodes = new Map<string, unknown>();
  const shapes = new Map<string, unknown>();
  for (const [field, value] of decode(find(model, GRAPH))) {
    if (!Buffer.isBuffer(value)) continue;
    if (field === INITIALIZER.field) {
      const [name = ''] = textsOf(value, INITIALIZER.name);
      const dims = decode(value).flatMap(([number, dim]) => (number === INITIALIZER.dims ? [dim] : []));
      shapes.set(name.replace(/_half$/u, ''), dims);
    }
    const inputs = textsOf(value, NODE.input);
    if (field !== 1 || inputs[0]?.endsWith('_half') === true) continue;
    const attributes = textsOf(value, NODE.attribute).toSorted();
    nodes.set(textsOf(value, NODE.output).join(), [textsOf(value, NODE.opType), inputs, attributes]);
  }
  return { nodes, shapes };
}

async function readCard() {
  const text = await readFile(new URL('fashionnet-small.json', FOLDER), 'utf8');
  return parseModelCard(JSON.parse(text), 'fashionnet-small.json');
}

describe('the trained FashionNet', () => {
  it('has the very layers of the one with random weights, at a sixteenth of the width', async () => {
    const path = join(await makeTestFolder(), 'random.onnx');
    await writeFashionNet(path, { widthDivisor: 16 });
    const [expected, actual] = [describeGraph(await readFile(path)), describeGraph(await readFile(ONNX))];
    expect(expected.nodes.size).toBeGreaterThan(60);
    expect(actual.nodes).toEqual(expected.nodes);
    expect(actual.shapes).toEqual(expected.shapes);
  });

  it('takes images in a white square, as runs write them', async () => {
    expect((await readCard()).input).toMatchObject({ width: 224, height: 224, resize: 'contain' });
  });

  it('fits into 4 MB', async () => {
    expect((await readFile(ONNX)).length).toBeLessThan(4_000_000);
  });

  it('has the categories of DeepFashion, and says which of its 1,000 attributes are not trained', async () => {
    const [categories, attributes] = (await readCard()).outputs;
    if (categories?.kind !== 'sigmoid' || attributes?.kind !== 'sigmoid') throw new Error('no labels');
    expect(categories.labels).toEqual(FASHIONNET_CATEGORIES);
    expect(attributes.labels).toHaveLength(1000);
    const named = attributes.labels.findIndex((label) => label.startsWith('untrained_'));
    expect(named).toBeGreaterThan(50);
    expect(attributes.labels.slice(named)).toEqual(
      Array.from(
        { length: 1000 - named },
        (_, index) => `untrained_${String(named + index).padStart(4, '0')}`,
      ),
    );
  });

  it('is ten points better on products it never saw than a regression on thumbnails, by its card', async () => {
    const { evaluation } = await readCard();
    expect(evaluation?.rows).toBeGreaterThan(2000);
    expect(evaluation).toMatchObject({
      baselines: { 'category, logistic regression on 8x8 thumbnails': expect.any(Number) },
      macroF1: { category: expect.any(Number) },
      attributes: { meanAveragePrecision: expect.any(Number), meanPrevalence: expect.any(Number) },
      untrained: expect.stringContaining('The landmark branch is untrained'),
      mapping: { Tshirts: 'Tee', Shirts: 'Button-Down' },
      articleTypesLeftOut: expect.arrayContaining(['Kurtas', 'Sarees']),
    });
    const { baselines } = evaluation as unknown as { baselines: Record<string, number> };
    const baseline = baselines['category, logistic regression on 8x8 thumbnails'] ?? 1;
    expect((evaluation?.accuracy['category'] ?? 0) - baseline).toBeGreaterThanOrEqual(0.1);
  });
});
