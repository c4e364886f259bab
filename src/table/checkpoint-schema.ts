import type { SchemaElement } from 'hyparquet';

type Field = readonly [element: SchemaElement, ...children: SchemaElement[]];

const leaf =
  (type: SchemaElement['type']) =>
  (name: string): Field => [{ name, type, repetition_type: 'OPTIONAL' } as SchemaElement];

const text = (name: string): Field => [
  { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
];
const long = leaf('INT64');
const integer = leaf('INT32');
const boolean = leaf('BOOLEAN');

function struct(name: string, ...fields: readonly Field[]): Field {
  return [{ name, num_children: fields.length, repetition_type: 'OPTIONAL' }, ...fields.flat()];
}

/** https://github.com/apache/parquet-format/blob/master/LogicalTypes.md, "Maps" */
function textMap(name: string): Field {
  return [
    { name, num_children: 1, converted_type: 'MAP', repetition_type: 'OPTIONAL' },
    { name: 'key_value', num_children: 2, repetition_type: 'REPEATED' },
    { name: 'key', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    ...text('value'),
  ];
}

/** https://github.com/apache/parquet-format/blob/master/LogicalTypes.md, "Lists" */
function textList(name: string): Field {
  return [
    { name, num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
    { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
    ...text('element'),
  ];
}

const COLUMNS: readonly Field[] = [
  struct('txn', text('appId'), long('version'), long('lastUpdated')),
  struct(
    'add',
    text('path'),
    textMap('partitionValues'),
    long('size'),
    long('modificationTime'),
    boolean('dataChange'),
    textMap('tags'),
    text('stats'),
  ),
  struct(
    'remove',
    text('path'),
    long('deletionTimestamp'),
    boolean('dataChange'),
    boolean('extendedFileMetadata'),
    textMap('partitionValues'),
    long('size'),
    // Files in the table have no vector, otherwise the table could not be read.
    struct(
      'deletionVector',
      text('storageType'),
      text('pathOrInlineDv'),
      integer('offset'),
      integer('sizeInBytes'),
      long('cardinality'),
    ),
  ),
  struct(
    'metaData',
    text('id'),
    text('name'),
    text('description'),
    struct('format', text('provider'), textMap('options')),
    text('schemaString'),
    textList('partitionColumns'),
    textMap('configuration'),
    long('createdTime'),
  ),
  struct(
    'protocol',
    integer('minReaderVersion'),
    integer('minWriterVersion'),
    textList('readerFeatures'),
    textList('writerFeatures'),
  ),
];

/** Parquet schema of a checkpoint (PROTOCOL.md, "Checkpoint Schema"). */
export const CHECKPOINT_SCHEMA: SchemaElement[] = [
  { name: 'checkpoint', num_children: COLUMNS.length },
  ...COLUMNS.flat(),
];
