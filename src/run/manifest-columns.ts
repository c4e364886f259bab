import type { AppendableType } from '../engine/appender.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import type { ModelCard } from '../model/model-card.ts';
import { predictionColumns } from '../model/prediction-columns.ts';
import { type DeltaField, type DeltaType, deltaArray, deltaField } from '../table/delta-schema.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { Execution } from './execution.ts';

/** A manifest column that a shard computes for each written image. */
export interface ManifestColumn {
  readonly name: string;
  readonly type: AppendableType;
}

/** Columns computed for each image: what was written, what it was made from, and the transform's parameters as drawn. */
const WRITTEN_COLUMNS: readonly ManifestColumn[] = [
  { name: 'image_id', type: 'VARCHAR' },
  { name: 'copy', type: 'INTEGER' },
  ...IMAGE_COLUMNS,
  { name: 'source_key', type: 'VARCHAR' },
  { name: 'source_sha256', type: 'VARCHAR' },
  { name: 'source_width', type: 'INTEGER' },
  { name: 'source_height', type: 'INTEGER' },
  { name: 'crop_left', type: 'INTEGER' },
  { name: 'crop_top', type: 'INTEGER' },
  { name: 'crop_width', type: 'INTEGER' },
  { name: 'crop_height', type: 'INTEGER' },
  { name: 'flipped', type: 'BOOLEAN' },
  { name: 'rotation', type: 'DOUBLE' },
  { name: 'brightness', type: 'DOUBLE' },
  { name: 'blur', type: 'DOUBLE' },
];

/** Columns that are the same in all rows of a run; stored with each, so that a row explains itself wherever it is copied to. */
const LINEAGE_COLUMNS: readonly { readonly name: string; readonly type: 'VARCHAR' | 'BIGINT' | 'BOOLEAN' }[] =
  [
    { name: 'run_id', type: 'VARCHAR' },
    { name: 'source_table', type: 'VARCHAR' },
    { name: 'source_version', type: 'BIGINT' },
    { name: 'sql', type: 'VARCHAR' },
    { name: 'seed', type: 'BIGINT' },
    { name: 'model', type: 'VARCHAR' },
    { name: 'model_sha256', type: 'VARCHAR' },
    { name: 'model_trained', type: 'BOOLEAN' },
    { name: 'software', type: 'VARCHAR' },
  ];

const DELTA_TYPES: Readonly<Record<AppendableType, DeltaType>> = {
  BIGINT: 'long',
  INTEGER: 'integer',
  DOUBLE: 'double',
  FLOAT: 'float',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
  'VARCHAR[]': deltaArray('string'),
  'FLOAT[]': deltaArray('float'),
};

/** The columns that a shard computes, predictions last. */
export function computedColumns(card: ModelCard | undefined): ManifestColumn[] {
  return [...WRITTEN_COLUMNS, ...(card === undefined ? [] : predictionColumns(card))];
}

/** All manifest fields behind those that the SQL returned. */
export function manifestFields(card: ModelCard | undefined): DeltaField[] {
  return [...computedColumns(card), ...LINEAGE_COLUMNS].map(({ name, type }) =>
    deltaField(name, DELTA_TYPES[type]),
  );
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
