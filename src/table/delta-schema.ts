import { PixlakeError } from '../errors.ts';

/** A Delta primitive type name, such as `long`, `string` or `decimal(10,2)`, or a nested type. */
export type DeltaType = string | DeltaArray | DeltaMap | DeltaStruct;

/** An array type. */
export interface DeltaArray {
  readonly type: 'array';
  readonly elementType: DeltaType;
  readonly containsNull: boolean;
}

/** A map type. */
export interface DeltaMap {
  readonly type: 'map';
  readonly keyType: DeltaType;
  readonly valueType: DeltaType;
  readonly valueContainsNull: boolean;
}

/** A struct type; a table's schema is one. */
export interface DeltaStruct {
  readonly type: 'struct';
  readonly fields: readonly DeltaField[];
}

/** A column of a table or a field of a struct. */
export interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Makes a nullable column. */
export function deltaField(name: string, type: DeltaType): DeltaField {
  return { name, type, nullable: true, metadata: {} };
}

const INTEGERS: ReadonlySet<DeltaType> = new Set(['byte', 'short', 'integer', 'long']);

/** Whether a type holds whole numbers of a fixed width. */
export function isIntegerType(type: DeltaType): boolean {
  return INTEGERS.has(type);
}

/** Makes an array type whose elements may be null. */
export function deltaArray(elementType: DeltaType): DeltaArray {
  return { type: 'array', elementType, containsNull: true };
}

const PRIMITIVE =
  /^(?:void|string|long|integer|short|byte|float|double|boolean|binary|date|timestamp|timestamp_ntz|decimal\(\s*\d{1,2}\s*,\s*\d{1,2}\s*\))$/u;

/** Parses `metaData.schemaString`. @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED` for unknown types */
export function parseSchema(schemaString: string, tableName: string): DeltaStruct {
  let schema: unknown;
  try {
    schema = JSON.parse(schemaString);
  } catch (error) {
    throw new PixlakeError('TABLE_CORRUPT', `the schema of table ${tableName} is not JSON`, { cause: error });
  }
  if (!isStruct(schema)) {
    throw new PixlakeError('TABLE_CORRUPT', `the schema of table ${tableName} is not a struct with fields`);
  }
  for (const field of schema.fields) checkType(field.type, `column ${field.name} of ${tableName}`);
  return schema;
}

/**
 * Checks that the partition columns are columns of the table, and that the log can store their values as text.
 *
 * @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED` for binary columns, which writers encode in different ways
 */
export function checkPartitionColumns(
  schema: DeltaStruct,
  partitionColumns: readonly string[],
  tableName: string,
): void {
  for (const name of partitionColumns) {
    const type = schema.fields.find((field) => field.name === name)?.type;
    if (typeof type !== 'string') {
      const problem = type === undefined ? 'is not a column of the table' : 'is nested';
      throw new PixlakeError('TABLE_CORRUPT', `the partition column ${name} of ${tableName} ${problem}`);
    }
    if (type === 'binary') {
      throw new PixlakeError(
        'TABLE_FEATURE_UNSUPPORTED',
        `${tableName} is partitioned by ${name} of type binary, which pixlake does not support`,
      );
    }
  }
}

function isStruct(value: unknown): value is DeltaStruct {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'struct' &&
    'fields' in value &&
    Array.isArray(value.fields) &&
    value.fields.every((field: unknown) => isField(field))
  );
}

function isField(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && 'name' in value;
}

function checkType(type: DeltaType, place: string): void {
  if (typeof type === 'string' && PRIMITIVE.test(type)) return;
  if (typeof type === 'object' && type !== null) {
    if (type.type === 'array') return checkType(type.elementType, place);
    if (isStruct(type)) {
      for (const field of type.fields) checkType(field.type, place);
      return;
    }
    if (type.type === 'map') {
      checkType(type.keyType, place);
      return checkType(type.valueType, place);
    }
  }
  const name = typeof type === 'string' ? type : JSON.stringify(type);
  throw new PixlakeError(
    'TABLE_FEATURE_UNSUPPORTED',
    `${place} has the type ${name}, which pixlake does not support`,
  );
}

/** For each type, the wider types that hold all of its values. */
const WIDER: Readonly<Record<string, readonly DeltaType[]>> = {
  byte: ['short', 'integer', 'long', 'float', 'double'],
  short: ['integer', 'long', 'float', 'double'],
  integer: ['long', 'double'],
  // Beyond 2^53 a double is inexact, and so is a number that a source wrote with decimals.
  long: ['double'],
  float: ['double'],
};

/**
 * The schema of a table with the columns of another schema added: new columns come last and may be null; columns that both have
 * keep the table's type, which must hold the other's values.
 *
 * @throws `SCHEMA_MISMATCH` naming each column that does not fit
 */
export function mergeSchemas(base: DeltaStruct, incoming: DeltaStruct, tableName: string): DeltaStruct {
  const known = new Map(base.fields.map((field) => [field.name.toLowerCase(), field]));
  const problems: string[] = [];
  const added: DeltaField[] = [];
  for (const field of incoming.fields) {
    const present = known.get(field.name.toLowerCase());
    if (present === undefined) added.push({ ...field, nullable: true });
    else if (present.name !== field.name)
      problems.push(`${field.name} is named ${present.name} in the table`);
    else if (!fits(field.type, present.type)) {
      problems.push(
        `${field.name} is ${describeType(present.type)} in the table and ${describeType(field.type)} in the source`,
      );
    }
  }
  if (problems.length === 0)
    return added.length === 0 ? base : { ...base, fields: [...base.fields, ...added] };
  throw new PixlakeError(
    'SCHEMA_MISMATCH',
    `the columns do not match table ${tableName}: ${problems.join('; ')}`,
    {
      remedy: 'columns keep their names and types; ingest into another table with --table',
    },
  );
}

function fits(type: DeltaType, target: DeltaType): boolean {
  if (JSON.stringify(type) === JSON.stringify(target)) return true;
  return typeof type === 'string' && (WIDER[type] ?? []).includes(target);
}

function describeType(type: DeltaType): string {
  return typeof type === 'string' ? type : JSON.stringify(type);
}
