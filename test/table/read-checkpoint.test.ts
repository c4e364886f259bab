import type { SchemaElement } from 'hyparquet';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CHECKPOINT_SCHEMA } from '../../src/table/checkpoint-schema.ts';
import type { DeltaAction } from '../../src/table/delta-actions.ts';
import { readCheckpoint } from '../../src/table/read-checkpoint.ts';

const KEY = 'c.parquet';
const MIB = 1024 * 1024;

/** A store of one object, and how it is read: `whole`, or the length of a range. */
function storeOf(bytes: Buffer): { readonly store: ObjectStore; readonly reads: (number | 'whole')[] } {
  const reads: (number | 'whole')[] = [];
  const store = {
    stat: async (key: string) => (key === KEY ? { key, sizeBytes: bytes.length, modifiedMs: 0 } : undefined),
    async read(key: string, range?: { start: number; length: number }) {
      if (key !== KEY) throw new PixlakeError('OBJECT_NOT_FOUND', key);
      reads.push(range?.length ?? 'whole');
      return range === undefined ? bytes : bytes.subarray(range.start, range.start + range.length);
    },
  };
  return { store: store as unknown as ObjectStore, reads };
}

async function actionsOf(store: ObjectStore, key = KEY): Promise<DeltaAction[]> {
  const actions: DeltaAction[] = [];
  for await (const action of readCheckpoint(store, key)) actions.push(action);
  return actions;
}

const addOf = (path: string): object => ({ path, partitionValues: {}, size: 1n, modificationTime: 0n });

/** Parquet of some columns of a checkpoint, and of others if their schema is given. */
function write(
  columns: Readonly<Record<string, readonly unknown[]>>,
  {
    rowGroupSize = 100,
    schema = CHECKPOINT_SCHEMA,
  }: { rowGroupSize?: number; schema?: SchemaElement[] } = {},
): Buffer {
  const names =
    schema.length === CHECKPOINT_SCHEMA.length
      ? ['txn', 'add', 'remove', 'metaData', 'protocol']
      : Object.keys(columns);
  const rowCount = Object.values(columns)[0]?.length ?? 0;
  const columnData = names.map(
    (name): ColumnSource => ({ name, data: [...(columns[name] ?? Array<null>(rowCount).fill(null))] }),
  );
  return Buffer.from(parquetWriteBuffer({ columnData, schema, rowGroupSize }));
}

/** A checkpoint padded between its rows and its footer, where no reader looks. */
function padTo(bytes: Buffer, sizeBytes: number): Buffer {
  const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  const padded = Buffer.alloc(sizeBytes);
  bytes.copy(padded, 0, 0, footer);
  bytes.copy(padded, sizeBytes - (bytes.length - footer), footer);
  return padded;
}

test('actions come in the order of their rows, group by group', async () => {
  const paths = ['a', 'b', 'c', 'd', 'e'];
  const { store, reads } = storeOf(write({ add: paths.map(addOf) }, { rowGroupSize: 2 }));
  expect((await actionsOf(store)).map(({ add }) => add?.path)).toEqual(paths);
  expect(reads).toEqual(['whole']);
});

test('each row is one action, whatever it says', async () => {
  const { store } = storeOf(
    write({
      protocol: [{ minReaderVersion: 1, minWriterVersion: 2 }, null, null],
      txn: [null, { appId: 'a', version: 3n }, null],
      add: [null, null, addOf('x')],
    }),
  );
  const rest = { modificationTime: 0, dataChange: true, stats: undefined, tags: undefined };
  expect(await actionsOf(store)).toEqual([
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { txn: { appId: 'a', version: 3 } },
    { add: { path: 'x', partitionValues: {}, size: 1, ...rest } },
  ]);
});

test.each([
  [32 * MIB, true],
  [32 * MIB + 1, false],
])('a checkpoint of %i bytes is read whole: %s', async (sizeBytes, isWhole) => {
  const { store, reads } = storeOf(padTo(write({ add: [addOf('a'), addOf('b')] }), sizeBytes));
  expect((await actionsOf(store)).map(({ add }) => add?.path)).toEqual(['a', 'b']);
  if (isWhole) expect(reads).toEqual(['whole']);
  else {
    expect(reads.length).toBeGreaterThan(1);
    for (const length of reads) expect(Number(length)).toBeLessThan(MIB);
  }
});

test('a checkpoint that is not there is not found', async () => {
  const { store } = storeOf(Buffer.alloc(0));
  await expect(actionsOf(store, 'gone.parquet')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
});

test('an invalid action is named by the key of its checkpoint', async () => {
  const { store } = storeOf(write({ protocol: [{ minReaderVersion: 1 }] }));
  await expect(actionsOf(store)).rejects.toMatchObject({
    code: 'TABLE_CORRUPT',
    message: expect.stringContaining(KEY),
  });
});

describe('statistics', () => {
  const leaf = (name: string, type: SchemaElement['type'], more = {}): SchemaElement =>
    ({ name, type, repetition_type: 'OPTIONAL', ...more }) as SchemaElement;
  const group = (name: string, count: number): SchemaElement => ({
    name,
    num_children: count,
    repetition_type: 'OPTIONAL',
  });
  const schema = [
    { name: 'checkpoint', num_children: 1 },
    group('add', 4),
    leaf('path', 'BYTE_ARRAY', { converted_type: 'UTF8' }),
    leaf('size', 'INT64'),
    leaf('stats', 'BYTE_ARRAY', { converted_type: 'UTF8' }),
    group('stats_parsed', 2),
    leaf('numRecords', 'INT64'),
    group('minValues', 3),
    leaf('id', 'INT64'),
    leaf('name', 'BYTE_ARRAY', { converted_type: 'UTF8' }),
    leaf('bytes', 'FIXED_LEN_BYTE_ARRAY', { type_length: 2 }),
  ] as SchemaElement[];
  const statsOf = async (add: object): Promise<unknown> => {
    const { store } = storeOf(write({ add: [{ path: 'a', size: 1n, ...add }] }, { schema }));
    const [action] = await actionsOf(store);
    expect(action?.add?.path).toBe('a');
    return action?.add?.stats;
  };
  const parsed = { numRecords: 9n, minValues: { id: 3n, name: 'x', bytes: new Uint8Array([1, 2]) } };

  test('as columns become JSON, without bytes, which it cannot hold', async () => {
    expect(await statsOf({ stats_parsed: parsed })).toBe('{"numRecords":9,"minValues":{"id":3,"name":"x"}}');
  });

  test('that are null say nothing', async () => {
    const minValues = { id: null, name: 'x', bytes: null };
    expect(await statsOf({ stats_parsed: { numRecords: null, minValues } })).toBe(
      '{"minValues":{"name":"x"}}',
    );
    expect(await statsOf({ stats_parsed: null })).toBeUndefined();
  });

  test('as JSON are taken as they are, whatever the columns say', async () => {
    expect(await statsOf({ stats: '{"numRecords":1}', stats_parsed: parsed })).toBe('{"numRecords":1}');
    expect(await statsOf({ stats: '', stats_parsed: parsed })).toBe('');
  });
});
