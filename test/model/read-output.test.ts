import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOutput } from '../../src/model/read-output.ts';
import { TOY_OUTPUT, toyCard } from './toy-model.ts';

/** The definition: all labels that reach the threshold, sorted without changing the order of equals, the first of them. */
function bestBySorting(scores: Float32Array, labels: readonly string[], topK: number, threshold: number) {
  return labels
    .map((label, index) => ({ label, score: scores[index] ?? 0 }))
    .filter(({ score }) => score >= threshold)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, topK);
}

it('finds the labels that sorting all of them finds, in the same order, with equal scores too', () => {
  const eighths = fc.integer({ min: 0, max: 8 }).map((part) => part / 8);
  const any = fc.float({ min: 0, max: 1, noNaN: true });
  const rows = fc.array(fc.oneof(eighths, any), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(rows, fc.nat(), eighths, (row, wish, threshold) => {
      const scores = Float32Array.from(row);
      const labels = row.map((_, index) => `label ${index}`);
      const topK = 1 + (wish % labels.length);
      const [output] = toyCard({ outputs: [{ ...TOY_OUTPUT, labels, topK, threshold }] }).outputs;
      const expected = bestBySorting(scores, labels, topK, threshold);
      expect(output && readOutput(scores, output)).toEqual({
        kind: 'labels',
        column: 'toy',
        labels: expected.map(({ label }) => label),
        scores: expected.map(({ score }) => score),
      });
    }),
  );
});

type Prediction = ReturnType<typeof readOutput>;

/** The prediction of the toy output with some fields replaced, of these numbers. */
function read(numbers: readonly number[], changes: object = {}): Prediction {
  const [output] = toyCard({ outputs: [{ ...TOY_OUTPUT, ...changes }] }).outputs;
  if (output === undefined) throw new Error('no output');
  return readOutput(Float32Array.from(numbers), output);
}

describe('scores', () => {
  it('may leave 0 to 1 by what rounding does, and not by more', () => {
    const slightly = Math.fround(1.0009);
    expect(read([slightly, -0.0009, 0, 0, 0, 0])).toMatchObject({
      labels: ['a', 'c', 'd'],
      scores: [slightly, 0, 0],
    });
    for (const score of [1.0011, -0.0011, 7, Number.POSITIVE_INFINITY])
      expect(() => read([0, 0, score, 0, 0, 0])).toThrow(
        expect.objectContaining({
          code: 'MODEL_FAILED',
          message: `output "scores" gives ${Math.fround(score)} for "c", which is not a score from 0 to 1`,
          remedy: 'if the output has raw numbers, set kind "logits" in the model card',
        }),
      );
    expect.assertions(5);
  });

  it('that are not numbers are refused, without a remedy', () => {
    expect(() => read([0, Number.NaN, 0, 0, 0, 0])).toThrow(
      expect.objectContaining({
        message: 'output "scores" gives NaN for "b", which is not a score from 0 to 1',
        remedy: undefined,
      }),
    );
  });

  it('of all labels are there only where the card asks for them', () => {
    const numbers = [0.5, 0.25, 0, 1, 0, 0];
    expect(read(numbers)).toEqual({
      kind: 'labels',
      column: 'toy',
      labels: ['d', 'a', 'b'],
      scores: [1, 0.5, 0.25],
    });
    expect(read(numbers, { allScores: true })).toEqual({
      kind: 'labels',
      column: 'toy',
      labels: ['d', 'a', 'b'],
      scores: [1, 0.5, 0.25],
      allScores: numbers,
    });
  });

  it('that reach the threshold are kept, and none where none does', () => {
    expect(read([0.5, 0.75, 0.25, 0, 0, 0], { threshold: 0.5 })).toMatchObject({ labels: ['b', 'a'] });
    expect(read([0.5, 0.75, 0.25, 0, 0, 0], { threshold: 1 })).toMatchObject({ labels: [], scores: [] });
  });

  it.each([32, 33])('are ranked for %i labels at once, equal ones in their order', (topK) => {
    const labels = Array.from({ length: 40 }, (_, index) => `l${index}`);
    const numbers = labels.map((_, index) => (index === 39 ? 1 : (index % 3) / 4));
    const expected = [
      39,
      ...[2, 1, 0].flatMap((rest) => Array.from({ length: 13 }, (_, index) => 3 * index + rest)),
    ];
    expect(read(numbers, { labels, topK })).toMatchObject({
      labels: expected.slice(0, topK).map((index) => `l${index}`),
      scores: expected.slice(0, topK).map((index) => numbers[index]),
    });
    expect(read(numbers, { labels, topK, threshold: 0.5 })).toMatchObject({
      scores: [1, ...Array(13).fill(0.5)],
    });
  });
});

describe('logits', () => {
  it('become shares that add up to 1', () => {
    const exact = [1, 2, 3, 4, 5, 6].map((value) => Math.exp(value - 6));
    const sum = exact.reduce((total, value) => total + value, 0);
    const found = read([1, 2, 3, 4, 5, 6], { kind: 'logits', allScores: true });
    const all = found.kind === 'labels' ? (found.allScores ?? []) : [];
    expect(all.map((value) => value.toFixed(6))).toEqual(exact.map((value) => (value / sum).toFixed(6)));
    expect(found).toMatchObject({ labels: ['f', 'e', 'd'] });
  });

  it('may be large or small, and not a number', () => {
    expect(read([-1000, -1000, -2000, -2000, -2000, -2000], { kind: 'logits' })).toMatchObject({
      scores: [0.5, 0.5, 0],
    });
    expect(() => read([Number.NaN, 0, 0, 0, 0, 0], { kind: 'logits' })).toThrow('NaN for "a"');
  });
});

describe('an embedding', () => {
  const output = { name: 'e', column: 'point', kind: 'embedding', size: 2 } as const;

  it('is kept as it is', () => {
    expect(readOutput(Float32Array.of(-5, 0.5), output)).toEqual({
      kind: 'embedding',
      column: 'point',
      values: [-5, 0.5],
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('is refused with %f', (value) => {
    expect(() => readOutput(Float32Array.of(0, value), output)).toThrow(
      expect.objectContaining({
        code: 'MODEL_FAILED',
        message: 'output "e" gives values that are not numbers',
      }),
    );
  });
});
