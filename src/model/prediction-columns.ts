import type { ModelCard } from './model-card.ts';
import type { Prediction } from './read-output.ts';

/** A manifest column that a model fills; `type` is DuckDB's name. */
export interface PredictionColumn {
  readonly name: string;
  readonly type: 'VARCHAR' | 'FLOAT' | 'VARCHAR[]' | 'FLOAT[]';
}

/** A value of a prediction column. */
export type PredictionValue = string | number | readonly string[] | readonly number[] | null;

/**
 * The manifest columns of a model, in order: for each output with labels the best label, its score, the top labels and scores, and all scores
 * if the card asks for them; for each embedding its values.
 */
export function predictionColumns(card: ModelCard): PredictionColumn[] {
  return card.outputs.flatMap((output): PredictionColumn[] => {
    const name = `pred_${output.column}`;
    if (output.kind === 'embedding') return [{ name, type: 'FLOAT[]' }];
    return [
      { name, type: 'VARCHAR' },
      { name: `${name}_score`, type: 'FLOAT' },
      { name: `${name}_labels`, type: 'VARCHAR[]' },
      { name: `${name}_scores`, type: 'FLOAT[]' },
      ...(output.allScores ? [{ name: `${name}_all`, type: 'FLOAT[]' } as const] : []),
    ];
  });
}

/** The values of {@link predictionColumns} for one image. */
export function predictionValues(predictions: readonly Prediction[]): PredictionValue[] {
  const values: PredictionValue[] = [];
  for (const prediction of predictions) {
    if (prediction.kind === 'embedding') {
      values.push(prediction.values);
      continue;
    }
    const { labels, scores, allScores } = prediction;
    values.push(labels[0] ?? null, scores[0] ?? null, labels, scores);
    if (allScores !== undefined) values.push(allScores);
  }
  return values;
}
