import type { DeltaStruct } from '../delta-schema.ts';
import type { TableFeature } from './table-feature.ts';

/** SQL conditions on the values of a column, in its metadata. They are checked when data files are written. */
export const INVARIANTS: TableFeature = {
  name: 'invariants',
  boundTo: 'writers',
  sinceWriterVersion: 2,
  support: 'read and write',
};

/** The SQL condition on a column's values; `expression` is `undefined` if the metadata cannot be parsed. */
export interface Invariant {
  readonly column: string;
  readonly expression: string | undefined;
}

/** The invariants of a table's columns (PROTOCOL.md, "Column Invariants"). */
export function listInvariants({ fields }: DeltaStruct): Invariant[] {
  return fields.flatMap(({ name, metadata }) => {
    const json = metadata['delta.invariants'];
    return typeof json === 'string' ? [{ column: name, expression: readExpression(json) }] : [];
  });
}

function readExpression(json: string): string | undefined {
  try {
    const { expression } = JSON.parse(json) as { expression?: { expression?: unknown } };
    return typeof expression?.expression === 'string' ? expression.expression : undefined;
  } catch {
    return undefined;
  }
}
