import type { AppendableType, AppendableValue } from '../duckdb/appendable.ts';
import { deltaTypeNamed } from '../duckdb/column-type.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import type { ModelCard } from '../model/model-card.ts';
import { predictionColumns, type PredictionValue } from '../model/prediction-columns.ts';
import { DRAWN_COLUMNS, type Transform } from '../image/transform.ts';
import { type DeltaField, deltaField } from '../table/delta-schema.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { Execution } from './execution-schema.ts';
import type { TransformedOriginal } from './transform-original.ts';

/** A written image, with everything that the manifest records. */
export interface WrittenImage extends TransformedOriginal {
  readonly imageId: string;
  readonly copy: number;
  readonly imageKey: string;
  readonly sha256: string;
  readonly format: Transform['format'];
  readonly sourceKey: string | null;
  /** Values of the model's columns, in their order. */
  readonly predictions: readonly PredictionValue[];
}

/** A manifest column that shards compute for each written image. */
export interface ManifestColumn {
  readonly name: string;
  readonly type: AppendableType;
  valueOf(image: WrittenImage): AppendableValue;
}

const IMAGE_VALUES: Readonly<Record<(typeof IMAGE_COLUMNS)[number]['name'], ManifestColumn['valueOf']>> = {
  image_key: ({ imageKey }) => imageKey,
  image_sha256: ({ sha256 }) => sha256,
  image_bytes: ({ rendered }) => rendered.encoded.length,
  image_format: ({ format }) => format,
  image_width: ({ rendered }) => rendered.width,
  image_height: ({ rendered }) => rendered.height,
  image_channels: () => 3,
  image_frames: () => 1,
  image_bit_depth: () => 8,
  image_status: () => 'ok',
  image_reason: () => null,
};

/** Columns computed for each image: what was written, what it was made from, and the drawn parameters of the transform. */
const WRITTEN_COLUMNS: readonly ManifestColumn[] = [
  { name: 'image_id', type: 'VARCHAR', valueOf: ({ imageId }) => imageId },
  { name: 'copy', type: 'INTEGER', valueOf: ({ copy }) => copy },
  ...IMAGE_COLUMNS.map(({ name, type }) => ({ name, type, valueOf: IMAGE_VALUES[name] })),
  { name: 'source_key', type: 'VARCHAR', valueOf: ({ sourceKey }) => sourceKey },
  { name: 'source_sha256', type: 'VARCHAR', valueOf: ({ original }) => original.sha256 },
  { name: 'source_width', type: 'INTEGER', valueOf: ({ original }) => original.width },
  { name: 'source_height', type: 'INTEGER', valueOf: ({ original }) => original.height },
  ...DRAWN_COLUMNS.map(
    (column): ManifestColumn => ({ ...column, valueOf: ({ drawn }) => column.valueOf(drawn) }),
  ),
];

/** Columns with the same value in all rows of a run. They are stored in each row, so a copied row still explains itself. */
const LINEAGE_COLUMNS: readonly { readonly name: string; readonly type: 'VARCHAR' | 'BIGINT' | 'BOOLEAN' }[] =
  [
    { name: 'run_id', type: 'VARCHAR' },
    { name: 'source_table', type: 'VARCHAR' },
    { name: 'source_version', type: 'BIGINT' },
    { name: 'sql', type: 'VARCHAR' },
    { name: 'seed', type: 'BIGINT' },
    { name: 'transform', type: 'VARCHAR' },
    { name: 'model', type: 'VARCHAR' },
    { name: 'model_sha256', type: 'VARCHAR' },
    { name: 'model_trained', type: 'BOOLEAN' },
    { name: 'software', type: 'VARCHAR' },
  ];

/** The columns that shards compute, predictions last. */
export function computedColumns(card: ModelCard | undefined): ManifestColumn[] {
  const predicted = card === undefined ? [] : predictionColumns(card);
  return [
    ...WRITTEN_COLUMNS,
    ...predicted.map(({ name, type }, index) => ({
      name,
      type,
      valueOf: ({ predictions }: WrittenImage) => predictions[index] ?? null,
    })),
  ];
}

/** All manifest fields after those of the SQL. */
export function manifestFields(card: ModelCard | undefined): DeltaField[] {
  return [...computedColumns(card), ...LINEAGE_COLUMNS].map(({ name, type }) =>
    deltaField(name, deltaTypeNamed(type)),
  );
}

/** Names of the computed columns, predictions last. */
export function computedNames({ passedColumns, manifestSchema }: Execution): string[] {
  return manifestSchema.fields.slice(passedColumns.length, -LINEAGE_COLUMNS.length).map(({ name }) => name);
}

/** The lineage columns as SQL literals. */
export function selectLineage(execution: Execution): string[] {
  const { run, model } = execution;
  const values: Readonly<Record<string, string | number | boolean | undefined>> = {
    run_id: execution.runId,
    source_table: execution.sourceTable,
    source_version: execution.sourceVersion,
    sql: run.sql,
    seed: run.seed,
    transform: JSON.stringify(run.transform),
    model: model?.name,
    model_sha256: model?.sha256,
    model_trained: model?.isTrained,
    software: execution.software,
  };
  return LINEAGE_COLUMNS.map(({ name, type }) => `${toLiteral(values[name])}::${type} AS ${quoteName(name)}`);
}

function toLiteral(value: string | number | boolean | undefined): string {
  if (value === undefined) return 'NULL';
  return typeof value === 'string' ? quoteText(value) : String(value);
}
