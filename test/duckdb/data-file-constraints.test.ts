import { describe, expect, it } from 'vitest';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { schemaOf, useTables, valuesOf } from './table-fixture.ts';

const tables = useTables();

describe('rows of data files', () => {
  it.each([
    ['reads a table', '{"expression":{"expression":"id IN (FROM t)"}}'],
    ['holds a query', '{"expression":{"expression":"id > (SELECT 1)"}}'],
    ['is not SQL that pixlake knows', '{"expression":7}'],
  ])('are refused for an invariant that %s', async (_what, json) => {
    const field = { ...deltaField('id', 'long'), metadata: { 'delta.invariants': json } };
    const writing = tables.writeTable('SELECT 1::BIGINT AS id', { type: 'struct', fields: [field] });
    await expect(writing).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: 'column id has an invariant that pixlake cannot check',
    });
  });

  it('are written if all rows keep to the invariants', async () => {
    const field = (name: string, expression: string): DeltaStruct['fields'][number] => ({
      ...deltaField(name, 'long'),
      metadata: { 'delta.invariants': JSON.stringify({ expression: { expression } }) },
    });
    const fields = [field('id', 'id > 0'), field('n', 'n < id'), deltaField('part', 'string')];
    const rows = [['2::BIGINT', '1::BIGINT', `''`]];
    const written = await tables.writeTable(valuesOf(rows, ['id', 'n', 'part']), { type: 'struct', fields }, [
      'part',
    ]);
    expect(await tables.readBack(written)).toEqual([{ id: 2n, n: 1n, part: null }]);
    const broken = tables.writeTable(valuesOf([['2', '3', `''`]], ['id', 'n', 'part']), {
      type: 'struct',
      fields,
    });
    await expect(broken).rejects.toMatchObject({
      code: 'CONSTRAINT_VIOLATED',
      message: 'a row violates the invariant of column n: n < id',
    });
  });

  it('are written if only other columns hold nulls', async () => {
    const fields = [
      { ...deltaField('id', 'long'), nullable: false },
      deltaField('n', 'long'),
      deltaField('part', 'string'),
    ];
    const rows = [
      ['1::BIGINT', 'NULL::BIGINT', 'NULL::VARCHAR'],
      ['2', '3', `'x'`],
    ];
    for (const partitionColumns of [[], ['part']]) {
      const query = valuesOf(rows, ['id', 'n', 'part']);
      const written = await tables.writeTable(query, { type: 'struct', fields }, partitionColumns);
      expect(await tables.readBack(written)).toEqual([
        { id: 1n, n: null, part: null },
        { id: 2n, n: 3n, part: 'x' },
      ]);
    }
    expect.assertions(2);
  });

  const invariant = JSON.stringify({ expression: { expression: 'id > 0' } });
  it.each<[string, DeltaStruct['fields'][number], string[], string]>([
    [
      'a null in a column that may hold none',
      { ...deltaField('id', 'long'), nullable: false },
      [],
      'column id must not be null',
    ],
    [
      'a null in a partition column that may hold none',
      { ...deltaField('part', 'string'), nullable: false },
      ['part'],
      'column part must not be null',
    ],
    [
      'a row that breaks an invariant',
      { ...deltaField('id', 'long'), metadata: { 'delta.invariants': invariant } },
      [],
      'a row violates the invariant of column id: id > 0',
    ],
  ])('are refused for %s', async (_name, field, partitionColumns, message) => {
    const query = `SELECT * FROM (VALUES (NULL::BIGINT, 'x'), (-1, NULL)) AS v(id, part)`;
    const fields = schemaOf({ id: 'long', part: 'string' }).fields.map((one) =>
      one.name === field.name ? field : one,
    );
    await expect(
      tables.writeTable(query, { type: 'struct', fields }, partitionColumns),
    ).rejects.toMatchObject({
      code: 'CONSTRAINT_VIOLATED',
      message: expect.stringContaining(message),
    });
  });
});
