import type { ModelCard } from './model-card.ts';
import type { Prediction } from './rank-labels.ts';

/** A manifest column that a model fills; `type` is DuckDB's name. */
export interface PredictionColumn {
  readonly name: string;
  readonly type: 'VARCHAR' | 'FLOAT' | 'VARCHAR[]' | 'FLOAT[]';
}

/** What a prediction column holds in one row. */
export type PredictionValue = string | number | readonly string[] | readonly number[];

/** The manifest columns of a model, in order: for each output the best label, its score, and the top labels and scores. */
export function predictionColumns(card: ModelCard): PredictionColumn[] {
  return card.outputs.flatMap(({ column }): PredictionColumn[] => [
    { name: `pred_${column}`, type: 'VARCHAR' },
    { name: `pred_${column}_score`, type: 'FLOAT' },
    { name: `pred_${column}_labels`, type: 'VARCHAR[]' },
    { name: `pred_${column}_scores`, type: 'FLOAT[]' },
  ]);
}

/** The values of {@link predictionColumns} for one image, by column name. */
export function predictionValues(predictions: readonly Prediction[]): Record<string, PredictionValue> {
  return Object.fromEntries(
    predictions.flatMap(({ column, labels, scores }): [string, PredictionValue][] => [
      [`pred_${column}`, labels[0] ?? ''],
      [`pred_${column}_score`, scores[0] ?? 0],
      [`pred_${column}_labels`, labels],
      [`pred_${column}_scores`, scores],
    ]),
  );
}
