import { PixlakeError } from '../errors.ts';
import type { LabelOutput, ModelOutput } from './model-card.ts';

/** The best labels of one output for one image with their scores, best first; none if no score reaches the threshold. */
export interface LabelPrediction {
  readonly kind: 'labels';
  readonly column: string;
  readonly labels: readonly string[];
  /** From 0 to 1, one for each of `labels`. */
  readonly scores: readonly number[];
  /** The scores of all labels in the order of the card, if the card asks for them. */
  readonly allScores?: readonly number[];
}

/** The embedding of an image. */
export interface EmbeddingPrediction {
  readonly kind: 'embedding';
  readonly column: string;
  readonly values: readonly number[];
}

/** The prediction of one output for one image. */
export type Prediction = LabelPrediction | EmbeddingPrediction;

/** Rounding can lift dequantised scores slightly above 1. Raw numbers that the card calls scores differ much more. */
const SCORE_TOLERANCE = 1e-3;

/**
 * Reads the output row of one image. Equal scores keep the order of the labels.
 * @throws MODEL_FAILED if a score is NaN or not from 0 to 1, or a value of an embedding is not a number.
 */
export function readOutput(row: Float32Array, output: ModelOutput): Prediction {
  if (output.kind !== 'embedding') return rankLabels(row, output);
  const { name, column } = output;
  if (findPlace(row, (value) => !Number.isFinite(value)) === -1)
    return { kind: 'embedding', column, values: toNumbers(row) };
  throw new PixlakeError('MODEL_FAILED', `output "${name}" gives values that are not numbers`);
}

function rankLabels(row: Float32Array, output: LabelOutput): LabelPrediction {
  const scores = output.kind === 'logits' ? softmax(row) : row;
  const wrong = findPlace(scores, (score) => !(score >= -SCORE_TOLERANCE && score <= 1 + SCORE_TOLERANCE));
  if (wrong !== -1) {
    throw new PixlakeError(
      'MODEL_FAILED',
      `output "${output.name}" gives ${scores[wrong]} for "${output.labels[wrong]}", which is not a score from 0 to 1`,
      Number.isNaN(scores[wrong])
        ? {}
        : { remedy: 'if the output has raw numbers, set kind "logits" in the model card' },
    );
  }
  const best = bestOf(scores, output);
  return {
    kind: 'labels',
    column: output.column,
    labels: best.map((index) => output.labels[index] ?? ''),
    scores: best.map((index) => scores[index] ?? 0),
    ...(output.allScores ? { allScores: toNumbers(scores) } : {}),
  };
}

/** Labels that are kept at most where each is inserted into those before it. */
const MAX_INSERTED = 32;

/** Places of the best scores, best first; equal scores stay in the order of the card. */
function bestOf(scores: Float32Array, { topK, threshold }: LabelOutput): number[] {
  // Inserting costs time in proportion to topK for each label; sorting does not.
  if (topK > MAX_INSERTED) return sortAll(scores, threshold).slice(0, topK);
  const best: number[] = [];
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] ?? 0;
    if (score < threshold) continue;
    let place = best.length;
    while (place > 0 && (scores[best[place - 1] ?? 0] ?? 0) < score) place -= 1;
    if (place === topK) continue;
    for (let moved = Math.min(best.length, topK - 1); moved > place; moved--)
      best[moved] = best[moved - 1] ?? 0;
    best[place] = index;
  }
  return best;
}

function sortAll(scores: Float32Array, threshold: number): number[] {
  const reached: number[] = [];
  for (let index = 0; index < scores.length; index++)
    if ((scores[index] ?? 0) >= threshold) reached.push(index);
  return reached.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
}

// Methods of typed arrays make an object of each value, which for all values of all images costs as much as decoding them.

function findPlace(values: Float32Array, isWanted: (value: number) => boolean): number {
  for (let index = 0; index < values.length; index++) if (isWanted(values[index] ?? 0)) return index;
  return -1;
}

function toNumbers(values: Float32Array): number[] {
  const numbers: number[] = [];
  for (let index = 0; index < values.length; index++) numbers.push(values[index] ?? 0);
  return numbers;
}

/** exp(x) / Σ exp(x), with the largest x subtracted first, so nothing overflows. */
function softmax(logits: Float32Array): Float32Array {
  const largest = logits.reduce((max, logit) => Math.max(max, logit), Number.NEGATIVE_INFINITY);
  const exponentials = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return Float32Array.from(exponentials, (value) => value / sum);
}
