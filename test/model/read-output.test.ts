import * as fc from 'fast-check';
import { expect, it } from 'vitest';
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
