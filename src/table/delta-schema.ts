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

/** Parses `metaData.schemaString`. @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED` for types that pixlake does not know */
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
 * Checks that the partition columns are columns of the table whose values the log can hold as plain texts.
 *
 * @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED` for binary ones, which writers encode in different ways
 */
export function checkPartitionColumns(
  schema: DeltaStruct,
  partitionColumns: readonly string[],
  tableName: string,
): void {
  for (const name of partitionColumns) {
    const type = schema.fields.find((field) => field.name === name)?.type;
    if (typeof type !== 'string') {
      const problem = type === undefined ? 'is no column of it' : 'is nested';
      throw new PixlakeError('TABLE_CORRUPT', `the partition column ${name} of ${tableName} ${problem}`);
    }
    if (type === 'binary') {
      throw new PixlakeError(
        'TABLE_FEATURE_UNSUPPORTED',
        `${tableName} is partitioned by ${name} of type binary, which pixlake lacks`,
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
  throw new PixlakeError('TABLE_FEATURE_UNSUPPORTED', `${place} has the type ${name}, which pixlake lacks`);
}

/** Types that hold all values of another one. */
const WIDER: Readonly<Record<string, readonly DeltaType[]>> = {
  byte: ['short', 'integer', 'long', 'float', 'double'],
  short: ['integer', 'long', 'float', 'double'],
  integer: ['long', 'double'],
  // Beyond 2^53 a double is inexact; so would be what a source wrote with decimals.
  long: ['double'],
  float: ['double'],
};

/**
 * The schema of a table that also has the columns of another schema: new ones are added at the end and may be null; those that both have
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
    else if (present.name !== field.name) problems.push(`${field.name} is called ${present.name} there`);
    else if (!fits(field.type, present.type)) {
      problems.push(
        `${field.name} is ${describeType(present.type)} there and ${describeType(field.type)} here`,
      );
    }
  }
  if (problems.length === 0)
    return added.length === 0 ? base : { ...base, fields: [...base.fields, ...added] };
  throw new PixlakeError('SCHEMA_MISMATCH', `the columns do not fit ${tableName}: ${problems.join('; ')}`, {
    remedy: 'a column keeps its name and type; ingest into another table with --table',
  });
}

function fits(type: DeltaType, target: DeltaType): boolean {
  if (JSON.stringify(type) === JSON.stringify(target)) return true;
  return typeof type === 'string' && (WIDER[type] ?? []).includes(target);
}

function describeType(type: DeltaType): string {
  return typeof type === 'string' ? type : JSON.stringify(type);
}
