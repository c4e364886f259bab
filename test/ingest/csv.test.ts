import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { FASHION_SCHEMA } from '../../src/ingest/fashion-schema.ts';
import { type ImageSource, openImageSource } from '../../src/ingest/image-source.ts';
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
    [csvLine({ id: '../../etc/passwd' }), 'slash'],
    [csvLine({ id: '.hidden' }), 'dot'],
    [csvLine({ id: 'x'.repeat(300) }), '200 bytes'],
  ])('what does not fit is rejected with its reason and its text: %s', (line, reason) => {
    expect(parse(line)).toMatchObject({ kind: 'reject', raw: line, reason: expect.stringContaining(reason) });
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
    ['a,A,id\n', 'two columns A'],
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
    [{ name: 'x', idColumn: 'no', columns: [{ name: 'id', type: 'VARCHAR' }] }, 'no column no'],
  ])('schema files that cannot be used are refused: %j', (json, named) => {
    expect(() => parseDatasetSchema(json, 'x.json')).toThrow(named);
  });
});

describe('image sources', () => {
  async function namesOf(source: ImageSource): Promise<Record<string, string | undefined>> {
    const found: Record<string, string | undefined> = {};
    for await (const entry of source.entries()) found[entry.name] = (await entry.read())?.toString();
    return found;
  }

  async function writeTar(
    entries: Readonly<Record<string, string>>,
  ): Promise<{ path: string; bytes: Buffer }> {
    const archive = pack();
    for (const [name, content] of Object.entries(entries)) archive.entry({ name }, content);
    archive.finalize();
    const path = join(await makeTestFolder(), 'images.tar');
    await pipeline(archive, createWriteStream(path));
    return { path, bytes: await readFile(path) };
  }

  test('a folder gives its images at any depth; the rest is listed with a reason', async () => {
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'sub'));
    for (const name of ['a.jpg', 'sub/b.PNG', '.hidden.jpg', 'notes.txt'])
      await writeFile(join(folder, name), name);
    await symlink('/etc/hostname', join(folder, 'link.jpg'));
    const source = await openImageSource(folder);
    expect(await namesOf(source)).toEqual({ 'a.jpg': 'a.jpg', 'sub/b.PNG': 'sub/b.PNG' });
    expect([...source.skipped].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: '.hidden.jpg', reason: 'a hidden file' },
      { name: 'link.jpg', reason: 'a link or special file' },
      { name: 'notes.txt', reason: 'no image by its name' },
    ]);
  });

  test('a tar archive gives its images in order, gzipped or not; unsafe names are listed', async () => {
    const { path, bytes } = await writeTar({
      './b.jpg': 'B',
      'sub/a.jpg': 'A',
      '../evil.jpg': 'E',
      'x.txt': 'X',
    });
    const zipped = `${path}.gz`;
    await writeFile(zipped, gzipSync(bytes));
    for (const archive of [path, zipped]) {
      const source = await openImageSource(archive);
      expect(Object.entries(await namesOf(source))).toEqual([
        ['b.jpg', 'B'],
        ['sub/a.jpg', 'A'],
      ]);
      expect(source.skipped.map(({ name }) => name)).toEqual(['../evil.jpg', 'x.txt']);
    }
  });

  test('entries that are not read are passed over', async () => {
    const { path } = await writeTar({ 'a.jpg': 'A'.repeat(100_000), 'b.jpg': 'B' });
    const names: string[] = [];
    for await (const { name } of (await openImageSource(path)).entries()) names.push(name);
    expect(names).toEqual(['a.jpg', 'b.jpg']);
  });

  test.each([
    ['in mid-entry', (bytes: Buffer) => bytes.subarray(0, 512 + 100)],
    ['between two entries', (bytes: Buffer) => bytes.subarray(0, 1024)],
    ['before it began', () => Buffer.alloc(0)],
    ['and replaced by text', () => Buffer.from('no tar at all, '.repeat(100))],
  ])('an archive that is cut off %s is refused', async (_, cut) => {
    const { path, bytes } = await writeTar({ 'a.jpg': 'A'.repeat(300), 'b.jpg': 'B' });
    await writeFile(path, cut(bytes));
    await expect(namesOf(await openImageSource(path))).rejects.toMatchObject({ code: 'TAR_INVALID' });
  });
});
