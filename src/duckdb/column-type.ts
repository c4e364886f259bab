import type { DuckDBType } from '@duckdb/node-api';
import { duckdb } from './duckdb-api.ts';
import { type DeltaType, deltaArray, deltaField } from '../table/delta-schema.ts';
import { quoteName } from '../sql/sql-text.ts';

const PRIMITIVES: Readonly<Record<string, string>> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ntz: 'TIMESTAMP',
  void: '"NULL"',
};

/** The SQL name of a column type that {@link deltaTypeNamed} knows. */
export type SqlTypeName = keyof typeof DELTA_TYPES;

/** The Delta types of pixlake's own columns; the inverse of {@link PRIMITIVES} as far as they need it. */
const DELTA_TYPES = {
  BIGINT: 'long',
  INTEGER: 'integer',
  DOUBLE: 'double',
  FLOAT: 'float',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
  'VARCHAR[]': deltaArray('string'),
  'FLOAT[]': deltaArray('float'),
} as const satisfies Record<string, DeltaType>;

/** The Delta type of one of pixlake's own columns, whose type is given in SQL. */
export function deltaTypeNamed(name: SqlTypeName): DeltaType {
  return DELTA_TYPES[name];
}

/** The DuckDB type that holds a Delta type. */
export function duckDbTypeOf(type: DeltaType): string {
  if (typeof type === 'string') return PRIMITIVES[type] ?? type.toUpperCase();
  switch (type.type) {
    case 'array':
      return `${duckDbTypeOf(type.elementType)}[]`;
    case 'map':
      return `MAP(${duckDbTypeOf(type.keyType)}, ${duckDbTypeOf(type.valueType)})`;
    case 'struct': {
      const fields = type.fields.map((field) => `${quoteName(field.name)} ${duckDbTypeOf(field.type)}`);
      return `STRUCT(${fields.join(', ')})`;
    }
  }
}

/**
 * The Delta type in which a DuckDB column is stored. Unsigned and 128-bit integers take the next wider type, zoneless timestamps are
 * read as UTC (`timestamp_ntz` would need a newer protocol), and types that Delta does not have become strings.
 */
export function deltaTypeOf(type: DuckDBType): DeltaType {
  switch (type.typeId) {
    case duckdb.DuckDBTypeId.BOOLEAN:
      return 'boolean';
    case duckdb.DuckDBTypeId.TINYINT:
      return 'byte';
    case duckdb.DuckDBTypeId.SMALLINT:
    case duckdb.DuckDBTypeId.UTINYINT:
      return 'short';
    case duckdb.DuckDBTypeId.INTEGER:
    case duckdb.DuckDBTypeId.USMALLINT:
      return 'integer';
    case duckdb.DuckDBTypeId.BIGINT:
    case duckdb.DuckDBTypeId.UINTEGER:
      return 'long';
    case duckdb.DuckDBTypeId.UBIGINT:
      return 'decimal(20,0)';
    case duckdb.DuckDBTypeId.HUGEINT:
      return 'decimal(38,0)';
    case duckdb.DuckDBTypeId.FLOAT:
      return 'float';
    case duckdb.DuckDBTypeId.DOUBLE:
      return 'double';
    case duckdb.DuckDBTypeId.DECIMAL: {
      const { width, scale } = type;
      return `decimal(${width},${scale})`;
    }
    case duckdb.DuckDBTypeId.BLOB:
      return 'binary';
    case duckdb.DuckDBTypeId.DATE:
      return 'date';
    case duckdb.DuckDBTypeId.TIMESTAMP:
    case duckdb.DuckDBTypeId.TIMESTAMP_S:
    case duckdb.DuckDBTypeId.TIMESTAMP_MS:
    case duckdb.DuckDBTypeId.TIMESTAMP_NS:
    case duckdb.DuckDBTypeId.TIMESTAMP_TZ:
      return 'timestamp';
    case duckdb.DuckDBTypeId.LIST:
    case duckdb.DuckDBTypeId.ARRAY:
      return deltaArray(deltaTypeOf(type.valueType));
    case duckdb.DuckDBTypeId.MAP:
      return {
        type: 'map',
        keyType: deltaTypeOf(type.keyType),
        valueType: deltaTypeOf(type.valueType),
        valueContainsNull: true,
      };
    case duckdb.DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type;
      const fields = entryNames.map((name, index) =>
        deltaField(name, deltaTypeOf(entryTypes[index] ?? type)),
      );
      return { type: 'struct', fields };
    }
    default:
      return 'string';
  }
}
