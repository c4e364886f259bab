import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { FASHIONNET_CATEGORIES } from '../../src/model/fashionnet/fashionnet.ts';
import { isModelName, parseModelCard } from '../../src/model/model-card.ts';
import { predictionColumns, predictionValues } from '../../src/model/prediction-columns.ts';
import { fashionNetSpec, TOY_CARD, TOY_OUTPUT, toyCard } from './toy-model.ts';

function rejection(json: unknown): string {
  try {
    parseModelCard(json, 'models/toy.json');
  } catch (error) {
    expect(error).toMatchObject({ name: 'PixlakeError', code: 'MODEL_CARD_INVALID' });
    return messageOf(error);
  }
  return 'accepted';
}

describe('parseModelCard', () => {
  it('lists the labels that a prefix and a count stand for', () => {
    const card = toyCard({ outputs: [{ ...TOY_OUTPUT, labels: { prefix: 'attr_', count: 1000 } }] });
    const [output] = card.outputs;
    const labels = output?.kind === 'sigmoid' ? output.labels : [];
    expect(labels).toHaveLength(1000);
    expect(labels[0]).toBe('attr_0000');
    expect(labels[999]).toBe('attr_0999');
  });

  it('takes what is at its bounds', () => {
    const card = toyCard({
      description: 'x'.repeat(4000),
      outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b'.repeat(200)], topK: 2 }],
    });
    expect(card.outputs).toMatchObject([{ labels: ['a', 'b'.repeat(200)], topK: 2 }]);
  });

  it('reads its own result again, as a plan stored as JSON needs', () => {
    const card = parseModelCard(fashionNetSpec('f'.repeat(64)), 'fashionnet.json');
    expect(parseModelCard(JSON.parse(JSON.stringify(card)), 'plan.json')).toEqual(card);
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', 7, /models\/toy\.json: .*expected object/iu],
    ['null', null, /expected object/u],
    ['a list', [], /expected object/u],
    ['a missing field', { ...TOY_CARD, licence: undefined }, /licence: .*expected string/u],
    ['an unknown field', { ...TOY_CARD, extra: 1 }, /"extra"/u],
    ['an ill-typed field', { ...TOY_CARD, trained: 'no' }, /trained: .*expected boolean/u],
    ['a name that climbs', { ...TOY_CARD, name: '../toy' }, /name: must be/u],
    ['a short checksum', { ...TOY_CARD, sha256: 'abc' }, /sha256: must be 64/u],
    ['an unknown layout', { ...TOY_CARD, input: { ...TOY_CARD.input, layout: 'CHWN' } }, /input\.layout: /u],
    ['a huge image', { ...TOY_CARD, input: { ...TOY_CARD.input, width: 1e9 } }, /input\.width: /u],
    [
      'a zero deviation',
      { ...TOY_CARD, input: { ...TOY_CARD.input, std: [1, 0, 1] } },
      /input\.std: .*above 0/u,
    ],
    ['a high image', { ...TOY_CARD, input: { ...TOY_CARD.input, height: 1e9 } }, /input\.height: /u],
    ['a text without end', { ...TOY_CARD, source: 'x'.repeat(4001) }, /source: /u],
    ['a label without end', withOutput({ labels: ['a', 'b'.repeat(201)] }), /outputs\.0\.labels\b/u],
    ['no top label', withOutput({ topK: 0 }), /outputs\.0\.topK: /u],
    ['two means', { ...TOY_CARD, input: { ...TOY_CARD.input, mean: [0, 0] } }, /input\.mean: /u],
    ['no outputs', { ...TOY_CARD, outputs: [] }, /outputs: /u],
    [
      'a billion labels',
      withOutput({ labels: { prefix: 'x', count: 1e9 } }),
      /outputs\.0\.labels: must be a list/u,
    ],
    ['numbers as labels', withOutput({ labels: [1, 2, 3] }), /outputs\.0\.labels: must be a list/u],
    ['a label twice', withOutput({ labels: ['a', 'b', 'a'] }), /outputs\.0\.labels: has a label twice/u],
    ['more top labels than labels', withOutput({ topK: 7 }), /outputs\.0\.topK: is larger/u],
    ['a column with a quote', withOutput({ column: 'a"b' }), /outputs\.0\.column: must be a letter/u],
    ...['toy_score', 'toy_scores', 'toy_labels', 'toy_all'].map((column): [string, unknown, RegExp] => [
      `a column ${column} that meets another`,
      withOutput({ column }),
      /column: must not end/u,
    ]),
    [
      'a column twice',
      { ...TOY_CARD, outputs: [TOY_OUTPUT, { ...TOY_OUTPUT, name: 'b' }] },
      /a column twice/u,
    ],
    [
      'an output twice',
      { ...TOY_CARD, outputs: [TOY_OUTPUT, { ...TOY_OUTPUT, column: 'b' }] },
      /an output name twice/u,
    ],
  ])('rejects %s', (_, json, reason) => {
    expect(rejection(json)).toMatch(reason);
  });

  const long = (length: number): string => 'x'.repeat(length);
  const withInput = (changes: object): unknown => ({ ...TOY_CARD, input: { ...TOY_CARD.input, ...changes } });
  const embedding = { name: 'e', column: 'point', kind: 'embedding', size: 2 };
  const withOutputs = (count: number): unknown => ({
    ...TOY_CARD,
    outputs: Array.from({ length: count }, (_, index) => ({
      ...TOY_OUTPUT,
      name: `o${index}`,
      column: `c${index}`,
    })),
  });
  const withEvaluation = (evaluation: object): unknown => ({ ...TOY_CARD, evaluation });

  // The last that is accepted, and the first that is not.
  it.each<[string, unknown, unknown]>([
    ['an empty description', { ...TOY_CARD, description: 'x' }, { ...TOY_CARD, description: '' }],
    ['a long source', { ...TOY_CARD, source: long(4000) }, { ...TOY_CARD, source: long(4001) }],
    ['a long name', { ...TOY_CARD, name: long(100) }, { ...TOY_CARD, name: long(101) }],
    ['no name', { ...TOY_CARD, name: 'x' }, { ...TOY_CARD, name: '' }],
    ['capital digits', { ...TOY_CARD, sha256: 'a'.repeat(64) }, { ...TOY_CARD, sha256: 'A'.repeat(64) }],
    ['a long checksum', { ...TOY_CARD, sha256: '1'.repeat(64) }, { ...TOY_CARD, sha256: '1'.repeat(65) }],
    ['a width of none', withInput({ width: 1 }), withInput({ width: 0 })],
    ['a height of none', withInput({ height: 1 }), withInput({ height: 0 })],
    ['a large width', withInput({ width: 4096 }), withInput({ width: 4097 })],
    ['a large height', withInput({ height: 4096 }), withInput({ height: 4097 })],
    ['a fraction of a pixel', withInput({ width: 2 }), withInput({ width: 2.5 })],
    ['an input without a name', withInput({ name: 'x' }), withInput({ name: '' })],
    ['another order of colours', withInput({ colorOrder: 'BGR' }), withInput({ colorOrder: 'GBR' })],
    ['another layout', withInput({ layout: 'NHWC' }), withInput({ layout: 'HWC' })],
    ['another fit', withInput({ resize: 'contain' }), withInput({ resize: 'inside' })],
    ['a fit of covers', withInput({ resize: 'cover' }), withInput({ resize: 'covers' })],
    ['a negative deviation', withInput({ std: [0.1, 1, 1] }), withInput({ std: [-0.1, 1, 1] })],
    ['more of an input', withInput({}), withInput({ more: 1 })],
    ['no batch', { ...TOY_CARD, batchSize: 1 }, { ...TOY_CARD, batchSize: 0 }],
    ['a large batch', { ...TOY_CARD, batchSize: 1024 }, { ...TOY_CARD, batchSize: 1025 }],
    ['many outputs', withOutputs(64), withOutputs(65)],
    ['an empty label', withOutput({ labels: ['a', 'b', 'c'] }), withOutput({ labels: ['a', 'b', ''] })],
    [
      'a long label',
      withOutput({ labels: [long(200), 'b', 'c'] }),
      withOutput({ labels: [long(201), 'b', 'c'] }),
    ],
    ['no labels', withOutput({ labels: ['a'], topK: 1 }), withOutput({ labels: [], topK: 1 })],
    [
      'a count of none',
      withOutput({ labels: { prefix: 'x', count: 1 }, topK: 1 }),
      withOutput({ labels: { prefix: 'x', count: 0 } }),
    ],
    [
      'a large count',
      withOutput({ labels: { prefix: 'x', count: 100_000 } }),
      withOutput({ labels: { prefix: 'x', count: 100_001 } }),
    ],
    [
      'a long prefix',
      withOutput({ labels: { prefix: long(100), count: 9 } }),
      withOutput({ labels: { prefix: long(101), count: 9 } }),
    ],
    [
      'more of a prefix',
      withOutput({ labels: { prefix: '', count: 9 } }),
      withOutput({ labels: { prefix: '', count: 9, more: 1 } }),
    ],
    ['no top label', withOutput({ topK: 1 }), withOutput({ topK: 0 })],
    ['too many top labels', withOutput({ topK: 6 }), withOutput({ topK: 7 })],
    ['a low threshold', withOutput({ threshold: 0 }), withOutput({ threshold: -0.1 })],
    ['a high threshold', withOutput({ threshold: 1 }), withOutput({ threshold: 1.1 })],
    ['more of an output', withOutput({ allScores: true }), withOutput({ allScore: true })],
    ['an unknown kind', withOutput({ kind: 'softmax' }), withOutput({ kind: 'soft' })],
    ['a long column', withOutput({ column: long(50) }), withOutput({ column: long(51) })],
    ['a column of a digit', withOutput({ column: 'A1_' }), withOutput({ column: '1a' })],
    ['a column of scores', withOutput({ column: 'scores' }), withOutput({ column: 'x_SCORES' })],
    ['a column of labels', withOutput({ column: 'x_label' }), withOutput({ column: 'x_labels' })],
    ['a column of all', withOutput({ column: 'x_all_' }), withOutput({ column: 'x_all' })],
    [
      'a column in capitals twice',
      { ...TOY_CARD, outputs: [TOY_OUTPUT, { ...embedding, column: 'toys' }] },
      { ...TOY_CARD, outputs: [TOY_OUTPUT, { ...embedding, column: 'TOY' }] },
    ],
    [
      'an empty embedding',
      { ...TOY_CARD, outputs: [{ ...embedding, size: 1 }] },
      { ...TOY_CARD, outputs: [{ ...embedding, size: 0 }] },
    ],
    [
      'a large embedding',
      { ...TOY_CARD, outputs: [{ ...embedding, size: 100_000 }] },
      { ...TOY_CARD, outputs: [{ ...embedding, size: 100_001 }] },
    ],
    [
      'more of an embedding',
      { ...TOY_CARD, outputs: [embedding] },
      { ...TOY_CARD, outputs: [{ ...embedding, topK: 1 }] },
    ],
    [
      'an evaluation of no rows',
      withEvaluation({ rows: 1, accuracy: {} }),
      withEvaluation({ rows: 0, accuracy: {} }),
    ],
    [
      'an accuracy above 1',
      withEvaluation({ rows: 1, accuracy: { a: 1, b: 0 }, more: 'x' }),
      withEvaluation({ rows: 1, accuracy: { a: 1.1 } }),
    ],
    [
      'an accuracy below 0',
      withEvaluation({ rows: 1, accuracy: { a: 0 } }),
      withEvaluation({ rows: 1, accuracy: { a: -0.1 } }),
    ],
    [
      'a batch above 1 GiB',
      // 4096 x 4096 x 3 values of 4 bytes, five times.
      { ...TOY_CARD, input: { ...TOY_CARD.input, width: 4096, height: 4096 }, batchSize: 5 },
      { ...TOY_CARD, input: { ...TOY_CARD.input, width: 4096, height: 4096 }, batchSize: 6 },
    ],
  ])('takes all but %s', (_, accepted, refused) => {
    expect(rejection(accepted)).toBe('accepted');
    expect(rejection(refused)).toMatch(/^model card models\/toy\.json: /u);
  });

  it('has as many top labels as there are, up to five, or all that reach a threshold', () => {
    const { topK: _topK, ...rest } = TOY_OUTPUT;
    const topOf = (changes: object): unknown => {
      const [output] = toyCard({ outputs: [{ ...rest, ...changes }] }).outputs;
      return output?.kind === 'sigmoid' && [output.topK, output.threshold, output.allScores];
    };
    expect(topOf({})).toEqual([5, 0, false]);
    expect(topOf({ labels: ['a', 'b'] })).toEqual([2, 0, false]);
    expect(topOf({ threshold: 0.5 })).toEqual([6, 0.5, false]);
    expect(topOf({ threshold: 0.5, topK: 2, allScores: true })).toEqual([2, 0.5, true]);
  });

  it('counts labels with as many digits as their number has', () => {
    const labelsOf = (count: number): readonly string[] => {
      const [output] = toyCard({
        outputs: [{ ...TOY_OUTPUT, topK: 1, labels: { prefix: 'n', count } }],
      }).outputs;
      return output?.kind === 'sigmoid' ? output.labels : [];
    };
    expect(labelsOf(3)).toEqual(['n0', 'n1', 'n2']);
    expect(labelsOf(10).slice(8)).toEqual(['n08', 'n09']);
  });

  it('names the first three reasons, each with its field', () => {
    expect(rejection({ ...TOY_CARD, trained: 1, licence: '', source: '', description: '' })).toMatch(
      /^model card models\/toy\.json: description: [^;]+; licence: [^;]+; source: [^;]+$/u,
    );
    expect(rejection(7)).toMatch(
      /^model card models\/toy\.json: Invalid input: expected object, received number$/u,
    );
  });

  it('rejects a batch that claims more than 1 GiB', () => {
    const input = { ...TOY_CARD.input, width: 4096, height: 4096 };
    expect(rejection({ ...TOY_CARD, input, batchSize: 1024 })).toMatch(/batchSize: .*1 GiB/u);
  });

  it('keeps the message short when every label is wrong', () => {
    const outputs = Array.from({ length: 60 }, () => ({ ...TOY_OUTPUT, kind: 'argmax' }));
    const message = rejection({ ...TOY_CARD, outputs });
    expect(message).toMatch(/outputs\.0/u);
    expect(message.length).toBeLessThan(400);
  });
});

describe('isModelName', () => {
  it.each(['fashionnet', 'resnet-50_v1.5'])('allows %s', (name) => expect(isModelName(name)).toBe(true));
  it.each(['', '..', '.hidden', 'a/b', 'a\\b', '../a', 'a\0b', 'a b', 'x'.repeat(101)])(
    'rejects %j',
    (name) => expect(isModelName(name)).toBe(false),
  );
});

describe('prediction columns', () => {
  const card = parseModelCard(fashionNetSpec('0'.repeat(64)), 'fashionnet.json');

  it('gives four columns for every output', () => {
    expect(predictionColumns(card)).toEqual([
      { name: 'pred_category', type: 'VARCHAR' },
      { name: 'pred_category_score', type: 'FLOAT' },
      { name: 'pred_category_labels', type: 'VARCHAR[]' },
      { name: 'pred_category_scores', type: 'FLOAT[]' },
      { name: 'pred_attribute', type: 'VARCHAR' },
      { name: 'pred_attribute_score', type: 'FLOAT' },
      { name: 'pred_attribute_labels', type: 'VARCHAR[]' },
      { name: 'pred_attribute_scores', type: 'FLOAT[]' },
    ]);
  });

  it('fills exactly these columns', () => {
    const predictions = [
      { kind: 'labels', column: 'category', labels: ['Tee', 'Top'], scores: [0.75, 0.5] },
      { kind: 'labels', column: 'attribute', labels: ['attr_0001'], scores: [0.25] },
    ] as const;
    const values = predictionValues(predictions);
    expect(values).toHaveLength(predictionColumns(card).length);
    expect(values).toEqual([
      'Tee',
      0.75,
      ['Tee', 'Top'],
      [0.75, 0.5],
      'attr_0001',
      0.25,
      ['attr_0001'],
      [0.25],
    ]);
  });

  it('are null where no label reaches the threshold, and hold embeddings and all scores', () => {
    const outputs = [
      { ...TOY_OUTPUT, allScores: true },
      { name: 'e', column: 'point', kind: 'embedding', size: 2 },
    ] as const;
    const columns = predictionColumns(toyCard({ outputs: [...outputs] })).map(({ name }) => name);
    const values = predictionValues([
      { kind: 'labels', column: 'toy', labels: [], scores: [], allScores: [0.25, 0] },
      { kind: 'embedding', column: 'point', values: [1, -2] },
    ]);
    expect(Object.fromEntries(columns.map((name, index) => [name, values[index]]))).toEqual({
      pred_toy: null,
      pred_toy_score: null,
      pred_toy_labels: [],
      pred_toy_scores: [],
      pred_toy_all: [0.25, 0],
      pred_point: [1, -2],
    });
  });
});

it('names the 50 categories of the benchmark once each', () => {
  expect(new Set(FASHIONNET_CATEGORIES).size).toBe(50);
  expect(FASHIONNET_CATEGORIES[20]).toBe('Capris');
  expect(FASHIONNET_CATEGORIES[36]).toBe('Caftan');
});

function withOutput(changes: object): unknown {
  return { ...TOY_CARD, outputs: [{ ...TOY_OUTPUT, ...changes }] };
}
