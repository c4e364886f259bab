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

/** Makes an array type whose elements may be null. */
export function deltaArray(elementType: DeltaType): DeltaArray {
  return { type: 'array', elementType, containsNull: true };
}

/** Parses `metaData.schemaString`. @throws `TABLE_CORRUPT` */
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
  return schema;
}

function isStruct(value: unknown): value is DeltaStruct {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'struct' &&
    'fields' in value &&
    Array.isArray(value.fields)
  );
}

/** Whether two schemas have the same columns of the same types, in any order. */
export function isSameSchema(a: DeltaStruct, b: DeltaStruct): boolean {
  const describe = ({ fields }: DeltaStruct): string =>
    fields
      .map(({ name, type }) => JSON.stringify([name, type]))
      .sort()
      .join();
  return describe(a) === describe(b);
}
