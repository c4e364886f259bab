import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { FASHION_SCHEMA } from '../../src/ingest/fashion-schema.ts';
import { chooseSchema, inferSchema } from '../../src/ingest/infer-schema.ts';
import { checkHeader, parseRow } from '../../src/ingest/parse-row.ts';
import { type CsvRecord, readCsv } from '../../src/ingest/read-csv.ts';
import { splitRecord } from '../../src/ingest/split-record.ts';
import { csvLine } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function writeCsv(content: string | Uint8Array): Promise<string> {
  const path = join(await makeTestFolder(), 'table.csv');
  await writeFile(path, content);
  return path;
}

async function recordsOf(content: string | Uint8Array): Promise<CsvRecord[]> {
  const csv = await readCsv(await writeCsv(content));
  const records: CsvRecord[] = [];
  for await (const record of csv.records()) records.push(record);
  return records;
}

function outcomeOf({ line, split }: CsvRecord): [number, string[] | string] {
  return [line, 'reason' in split ? split.reason : split.fields];
}

const quoted = (field: string): string =>
  /[",\n\r]/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

describe('reading CSV', () => {
  test('property: fields written by RFC 4180 come back', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', 'ü', '\n', '0'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), (fields) => {
        const split = splitRecord(fields.map(quoted).join(','));
        expect(split.isOpen).toBe(false);
        expect(split.fields).toEqual(fields);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('property: fields start where they are written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', ' '), maxLength: 20 }), (text) => {
        const { starts, fields, isOpen } = splitRecord(text);
        expect(starts).toHaveLength(fields.length);
        for (const [index, start] of starts.entries()) {
          expect(index === 0 ? start : text[start - 1]).toBe(index === 0 ? 0 : ',');
        }
        if (!isOpen && !text.includes('"')) expect(fields).toEqual(text.split(','));
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  test('property: an open record that is gone on with equals one that is split at once', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n'), maxLength: 8 });
    fc.assert(
      fc.property(part, part, (head, tail) => {
        const first = splitRecord(head);
        fc.pre(first.isOpen);
        // The quote that ends the first part might have gone on as a doubled one: lines are joined by a line end.
        const whole = `${head}\n${tail}`;
        expect(splitRecord(whole, { split: first, length: head.length })).toEqual(splitRecord(whole));
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  test('quotes in mid-field are literal, quoted fields may span lines, CRLF and BOM are dropped', async () => {
    const records = await recordsOf('\uFEFFid,title\r\n1,3.5" heel\r\n\r\n2,"two\r\nlines, ""q"""\r\n3,last');
    expect(records.map(outcomeOf)).toEqual([
      [2, ['1', '3.5" heel']],
      [4, ['2', 'two\nlines, "q"']],
      [6, ['3', 'last']],
    ]);
  });

  test('a quote that is never closed rejects its line alone', async () => {
    const records = await recordsOf('id,title\n1,a\n2,"open\n3,c\n4,"fine"\n5,"open again\n');
    expect(records.map(outcomeOf)).toEqual([
      [2, ['1', 'a']],
      [3, expect.stringContaining('never closed')],
      [4, ['3', 'c']],
      [5, ['4', 'fine']],
      [6, expect.stringContaining('never closed')],
    ]);
  });

  test('lines that cannot be read are rejected, and the next ones are read', async () => {
    const filler = `${'x'.repeat(70_000)}\n`;
    const bytes = Buffer.concat([
      Buffer.from(`id,title\n1,${filler}`),
      Buffer.from('2,a\0b\n'),
      Buffer.from([0x33, 0x2c, 0xff, 0xfe, 0x0a]),
      Buffer.from(`4,${'y'.repeat(3 * 1024 * 1024)}\n5,ok\n`),
    ]);
    const outcomes = (await recordsOf(bytes)).map(outcomeOf).slice(1);
    expect(outcomes).toEqual([
      [3, expect.stringContaining('NUL')],
      [4, expect.stringContaining('UTF-8')],
      [5, expect.stringContaining('3145730 bytes')],
      [6, ['5', 'ok']],
    ]);
  });

  test('hundreds of thousands of lines with open quotes end in rejects', async () => {
    const records = await recordsOf(`id,title\n${'1,"x\n'.repeat(200_000)}`);
    // Two neighbours can close each other's quote only if that gave a record of two fields, which it does not here.
    expect(records).toHaveLength(200_000);
    expect(records.every(({ split }) => 'reason' in split)).toBe(true);
  });

  test.each([
    ['', 'CSV_EMPTY'],
    ['\n\n', 'CSV_EMPTY'],
    [Buffer.from('id,name\n1,x\n', 'utf16le'), 'CSV_NOT_TEXT'],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]), 'CSV_NOT_TEXT'],
    ['"id,title\n1,x\n', 'CSV_HEADER_INVALID'],
  ])('files that are no CSV are refused: %j', async (content, code) => {
    await expect(recordsOf(content)).rejects.toMatchObject({ code });
  });
});

describe('rows', () => {
  const positions = checkHeader(
    FASHION_SCHEMA.columns.map(({ name }) => name),
    FASHION_SCHEMA,
  );
  const parse = (line: string): ReturnType<typeof parseRow> =>
    parseRow({ line: 2, raw: line, split: splitRecord(line) }, FASHION_SCHEMA, positions);

  test('property: extra commas are joined to exactly what was written', () => {
    const title = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', '7'), minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(title, (text) => {
        fc.pre(!text.startsWith('"') && text.trim() !== '' && !/,\s*"/u.test(text));
        const row = parse(csvLine({ id: 1, title: text }));
        expect(row).toMatchObject({ kind: 'row', isRepaired: text.includes(',') });
        if (row.kind === 'row') expect(row.values.at(-1)).toBe(text.trim());
      }),
      { seed: 4, numRuns: 2000 },
    );
  });

  test('empty and NA are null, values are trimmed and typed', () => {
    expect(parse(' 12 , Men,NA,, Shirts ,Blue,Fall,2013,NA,  x  ')).toMatchObject({
      kind: 'row',
      values: [12n, 'Men', null, null, 'Shirts', 'Blue', 'Fall', 2013, null, 'x'],
    });
  });

  test.each([
    ['1,2,3', '3 fields instead of 10'],
    [csvLine({ id: '' }), 'id is empty'],
    [csvLine({ id: '1.5' }), 'whole number'],
    [csvLine({ id: '-4' }), 'at least 0'],
    [csvLine({ id: '99999999999999999999' }), 'whole number'],
    [csvLine({ id: 1, year: 'soon' }), 'year "soon" is not a whole number from 1900 to 2100'],
    [csvLine({ id: 1, year: 1800 }), 'from 1900 to 2100'],
    [csvLine({ id: '1\u00852' }), 'control character'],
  ])('what does not fit is rejected with its reason and its text: %s', (line, reason) => {
    expect(parse(line)).toMatchObject({ kind: 'reject', raw: line, reason: expect.stringContaining(reason) });
  });

  test('ids may be paths and as long as they like', () => {
    const schema = parseDatasetSchema(
      { name: 't', idColumn: 'id', columns: [{ name: 'id', type: 'VARCHAR' }] },
      't.json',
    );
    for (const id of ['train/cats/1.jpg', '../../etc/passwd', '.hidden', 'a\\b', 'x'.repeat(5000)]) {
      const record = { line: 2, raw: id, split: splitRecord(id) };
      expect(parseRow(record, schema, [0])).toMatchObject({ kind: 'row', values: [id] });
    }
  });

  test('a header must have each column once, in any order', () => {
    const names = FASHION_SCHEMA.columns.map(({ name }) => name);
    expect(checkHeader(names.toReversed(), FASHION_SCHEMA)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(() => checkHeader(names.slice(1), FASHION_SCHEMA)).toThrow(/missing id/u);
    expect(() => checkHeader([...names, 'colour'], FASHION_SCHEMA)).toThrow(/unknown or repeated colour/u);
  });
});

describe('schemas', () => {
  test('types are inferred from all values and lose nothing', async () => {
    const path = await writeCsv(
      'id,code,big,huge,price,flag,note,none\n1,007,1234567890123456789,99999999999999999999,1.50,true,x,\n2,8,-5,1,2,FALSE,NA,NA\n',
    );
    const schema = await inferSchema(path, { name: 't' });
    expect(schema.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id BIGINT',
      'code VARCHAR',
      'big BIGINT',
      'huge VARCHAR',
      'price DOUBLE',
      'flag BOOLEAN',
      'note VARCHAR',
      'none VARCHAR',
    ]);
  });

  test('the fashion header is recognised, others are inferred, a file declares', async () => {
    const fashion = await writeCsv(`${FASHION_SCHEMA.columns.map(({ name }) => name).join(',')}\n`);
    expect(await chooseSchema(fashion, { name: 't' })).toBe(FASHION_SCHEMA);
    expect((await chooseSchema(fashion, { name: 't', schema: 'infer' })).name).toBe('t');
    await expect(
      chooseSchema(fashion, { name: 't', schema: 'fashion', idColumn: 'x' }),
    ).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    const declared = { name: 'mine', idColumn: 'id', columns: [{ name: 'id', type: 'VARCHAR' }] };
    const file = await writeCsv(JSON.stringify(declared));
    expect(await chooseSchema(fashion, { name: 't', schema: file })).toMatchObject(declared);
  });

  test.each([
    ['a,A,id\n', 'two columns are named A'],
    ['id,,b\n', 'column 2 has no name'],
    ['id,image_key\n', 'image_key'],
    ['name,b\n', 'has no column id, only: name, b'],
  ])('headers that cannot become a table are refused: %j', async (content, named) => {
    const schema = inferSchema(await writeCsv(content), { name: 't' });
    await expect(schema).rejects.toMatchObject({
      code: 'CSV_HEADER_INVALID',
      message: expect.stringContaining(named),
    });
  });

  test.each([
    [{}, 'name'],
    [{ name: 'x', idColumn: 'id', columns: [{ name: 'id', type: 'UUID' }] }, 'columns.0.type'],
    [{ name: 'x', idColumn: 'no', columns: [{ name: 'id', type: 'VARCHAR' }] }, 'column no does not exist'],
  ])('schema files that cannot be used are refused: %j', (json, named) => {
    expect(() => parseDatasetSchema(json, 'x.json')).toThrow(named);
  });
});
