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
    ['a column that meets another', withOutput({ column: 'toy_score' }), /column: must not end/u],
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
