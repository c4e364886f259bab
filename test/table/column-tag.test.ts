import { expect, test } from 'vitest';
import { columnTags, isOwnDataFile } from '../../src/table/column-tag.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { addOf, SCHEMA } from './table-fixture.ts';

const fileOf = (tags?: Record<string, string>) => ({
  key: 'k',
  sizeBytes: 1,
  partitionValues: {},
  add: { ...addOf('a'), ...(tags === undefined ? {} : { tags }) },
});

test('a data file that pixlake wrote is known by its tag, whatever others it has', () => {
  expect(isOwnDataFile(fileOf({ ...columnTags(SCHEMA, ['kind']), a: 'b' }))).toBe(true);
  expect(isOwnDataFile(fileOf({ a: 'b' }))).toBe(false);
  expect(isOwnDataFile(fileOf())).toBe(false);
});

test('the tag is that of the columns that are in the file, with their types', () => {
  // The first 16 digits of the SHA-256 of [["id","long"]].
  expect(columnTags(SCHEMA, ['kind'])).toEqual({ 'pixlake.columns': 'e75282a77cddbfce' });
  const valueOf = (schema: DeltaStruct, partitionColumns: readonly string[]): string =>
    Object.values(columnTags(schema, partitionColumns)).join();
  const fields = [deltaField('id', 'long')];
  expect(valueOf(SCHEMA, ['kind'])).toBe(valueOf({ type: 'struct', fields }, []));
  const others = [
    valueOf(SCHEMA, []),
    valueOf(SCHEMA, ['id']),
    valueOf({ type: 'struct', fields: [deltaField('id', 'integer')] }, []),
  ];
  expect(new Set([...others, valueOf(SCHEMA, ['kind'])]).size).toBe(4);
});
