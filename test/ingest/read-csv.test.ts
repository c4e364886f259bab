import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CsvFile, type CsvRecord, readCsv } from '../../src/ingest/read-csv.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function writeCsv(content: string | Uint8Array): Promise<string> {
  const path = join(await makeTestFolder(), 'table.csv');
  await writeFile(path, content);
  return path;
}

async function recordsOf(content: string | Uint8Array): Promise<CsvRecord[]> {
  return recordsIn(await readCsv(await writeCsv(content)));
}

function outcomeOf({ line, split }: CsvRecord): [number, string[] | string] {
  return [line, 'reason' in split ? split.reason : split.fields];
}

async function recordsIn(csv: CsvFile): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of csv.records()) records.push(record);
  return records;
}

const OPEN = 'a quote opens a field and is never closed';

test('records come with their lines, as often as they are asked for, and the header is trimmed', async () => {
  const csv = await readCsv(await writeCsv(' id , title\n1,a\n2,"b\nc"\n'));
  expect(csv.header).toEqual(['id', 'title']);
  const expected = [
    { line: 2, raw: '1,a', split: { fields: ['1', 'a'], starts: [0, 2], isOpen: false } },
    { line: 3, raw: '2,"b\nc"', split: { fields: ['2', 'b\nc'], starts: [0, 2], isOpen: false } },
  ];
  expect(await recordsIn(csv)).toEqual(expected);
  expect(await recordsIn(csv)).toEqual(expected);
});

test('quotes in mid-field are literal, quoted fields may span lines, CRLF and BOM are dropped', async () => {
  const records = await recordsOf('\uFEFFid,title\r\n1,3.5" heel\r\n\r\n2,"two\r\nlines, ""q"""\r\n3,last');
  expect(records.map(outcomeOf)).toEqual([
    [2, ['1', '3.5" heel']],
    [4, ['2', 'two\nlines, "q"']],
    [6, ['3', 'last']],
  ]);
});

test('lines of nothing but spaces are skipped, also before the header and inside a field they are kept', async () => {
  const records = await recordsOf(' \nid,title\n\t\n1,"a\n\n b"\n');
  expect(records.map(outcomeOf)).toEqual([[4, ['1', 'a\n\n b']]]);
});

test.each([
  ['spans lines', 'id,"long\ntitle"\n1,x\n', ['id', 'long\ntitle']],
  ['has all of a file whose lines end in CR', 'id,a\rb,c\r', ['id', 'a\rb', 'c']],
])('a header that %s', async (_, text, header) => {
  expect((await readCsv(await writeCsv(text))).header).toEqual(header);
});

describe('a quote that is never closed', () => {
  test('rejects its line alone', async () => {
    const records = await recordsOf('id,title\n1,a\n2,"open\n3,c\n4,"fine"\n5,"open again\n');
    expect(records.map(outcomeOf)).toEqual([
      [2, ['1', 'a']],
      [3, OPEN],
      [4, ['3', 'c']],
      [5, ['4', 'fine']],
      [6, OPEN],
    ]);
    expect(records[1]?.raw).toBe('2,"open');
  });

  test.each([
    [
      'too many fields',
      '1,"a\nb",c\n2,d',
      [
        [2, OPEN],
        [3, ['b"', 'c']],
        [4, ['2', 'd']],
      ],
    ],
    [
      'too few fields',
      '"1\n2"\n3,d',
      [
        [2, OPEN],
        [3, ['2"']],
        [4, ['3', 'd']],
      ],
    ],
  ])('is what a field is taken for that would give %s', async (_, lines, expected) => {
    expect((await recordsOf(`id,title\n${lines}\n`)).map(outcomeOf)).toEqual(expected);
  });

  test('is what a field of more than 65,536 characters is taken for, line ends counted', async () => {
    const filler = (length: number): string => `${'x'.repeat(length - 1)}\n`;
    // `1,"a`, a line end, and `"`.
    const fits = await recordsOf(`id,title\n1,"a\n${filler(65_536 - 6)}"\n`);
    expect(fits.map(({ line, raw }) => [line, raw.length])).toEqual([[2, 65_536]]);
    const [first, ...rest] = await recordsOf(`id,title\n1,"a\n${filler(65_537 - 6)}"\n`);
    expect(first && outcomeOf(first)).toEqual([2, OPEN]);
    expect(rest.map(({ line }) => line)).toEqual([3, 4]);
  });

  test('is what a field is taken for that a line cannot be read of', async () => {
    const records = await recordsOf(
      Buffer.concat([Buffer.from('id,title\n1,"a\n'), Buffer.alloc(70_000, 'b'), Buffer.from('\0\nc"\n')]),
    );
    expect(records.map(outcomeOf)).toEqual([
      [2, OPEN],
      [3, 'the line holds NUL bytes'],
      [4, ['c"']],
    ]);
  });

  test('in thousands of lines takes no more than linear time', async () => {
    const records = await recordsOf(`id,title\n${'1,"x\n'.repeat(20_000)}`);
    // Two neighbours can close each other's quote only if that gave a record of two fields, which it does not here.
    expect(records).toHaveLength(20_000);
    expect(records.every(({ split }) => 'reason' in split)).toBe(true);
  });
});

test('lines that cannot be read are rejected, and the next ones are read', async () => {
  const filler = `${'x'.repeat(70_000)}\n`;
  const bytes = Buffer.concat([
    Buffer.from(`id,title\n1,${filler}`),
    Buffer.from('2,a\0b\n'),
    Buffer.from([0x33, 0x2c, 0xff, 0xfe, 0x0a]),
    Buffer.from(`4,${'y'.repeat(3 * 1024 * 1024)}\n5,ok\n`),
  ]);
  const records = (await recordsOf(bytes)).slice(1);
  expect(records.map(outcomeOf)).toEqual([
    [3, expect.stringContaining('NUL')],
    [4, expect.stringContaining('UTF-8')],
    [5, expect.stringContaining('3145730 bytes')],
    [6, ['5', 'ok']],
  ]);
  expect(records[0]?.raw).toBe('2,a\uFFFDb');
});

test('a character that the probe for text cuts is none that is not UTF-8', async () => {
  // The probe reads 64 KiB.
  const long = `${'x'.repeat(64 * 1024 - 9 - 2 - 1)}👟`;
  const [record] = await recordsOf(`id,title\n1,${long}\n`);
  expect(record && outcomeOf(record)).toEqual([2, ['1', long]]);
});

test.each([
  ['', 'CSV_EMPTY', 'has zero bytes', undefined],
  ['\n\n', 'CSV_EMPTY', 'has no header line', undefined],
  [Buffer.from('id,name\n1,x\n', 'utf16le'), 'CSV_NOT_TEXT', 'it holds NUL bytes', 'save it as CSV in UTF-8'],
  [Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'CSV_NOT_TEXT', 'is not UTF-8 text', 'save it as CSV in UTF-8'],
  ['"id,title\n1,x\n', 'CSV_HEADER_INVALID', OPEN, undefined],
])('files that are no CSV are refused: %j', async (content, code, message, remedy) => {
  const reading = recordsOf(content);
  await expect(reading).rejects.toMatchObject({ code, message: expect.stringContaining(message), remedy });
});

test('a file that is not there is not found, and says why', async () => {
  await expect(readCsv('/no/such/file.csv')).rejects.toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: expect.stringContaining('/no/such/file.csv'),
    cause: { code: 'ENOENT' },
  });
});
