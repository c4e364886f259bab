import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/result/display-text.ts';
import { encodeResult } from '../../src/result/encodings.ts';
import { textOf, useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();

async function table(sql: string, options: { maxRows?: number; maxWidth?: number } = {}): Promise<string[]> {
  const text = await textOf(encodeResult('table', await db.stream(sql), options));
  expect(text.endsWith('\n')).toBe(true);
  return text.trimEnd().split('\n');
}

describe('table', () => {
  it('aligns columns, numbers to the right', async () => {
    const sql = `SELECT * FROM (VALUES (15970, 'Shirts', 0.98, true), (7, NULL, NULL, false)) AS t(id, class, score, ok)`;
    expect(await table(sql)).toEqual([
      '   id  class   score  ok',
      '─────  ──────  ─────  ─────',
      '15970  Shirts   0.98  true',
      '    7  NULL     NULL  false',
      '',
      '2 rows',
    ]);
  });

  it('shows the first rows and counts them all', async () => {
    const lines = await table('SELECT i FROM range(763) AS t(i)');
    expect(lines).toHaveLength(2 + 40 + 2);
    expect(lines.slice(-3)).toEqual(['39', '', '763 rows (40 shown)']);
    expect((await table('SELECT i FROM range(10000) AS t(i)', { maxRows: 3 })).slice(2)).toEqual([
      '0',
      '1',
      '2',
      '',
      '10000 rows (3 shown)',
    ]);
  });

  it('shows rows of several batches, and no more than it should', async () => {
    const lines = await table('SELECT i FROM range(10000) AS t(i)', { maxRows: 3000 });
    expect(lines).toHaveLength(2 + 3000 + 2);
    expect(lines.slice(-3)).toEqual(['2999', '', '10000 rows (3000 shown)']);
  });

  it('has columns also where there are no rows, and says one row for one', async () => {
    expect(await table('SELECT 1 AS a WHERE false')).toEqual(['a', '─', '', '0 rows']);
    expect((await table('SELECT 1 AS a')).at(-1)).toBe('1 row');
  });

  it('cuts only the widest columns, to the width of the terminal', async () => {
    const lines = await table(`SELECT 12345678 AS id, repeat('x', 50) AS a, repeat('y', 300) AS b`, {
      maxWidth: 60,
    });
    expect(lines[2]).toBe(`12345678  ${'x'.repeat(23)}…  ${'y'.repeat(23)}…`);
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(60);
  });

  it('does not cut links, which stand last, nor anything where there is no end of a line', async () => {
    const link = `https://example.com/${'x'.repeat(1500)}`;
    const sql = `SELECT '${link}' AS url, repeat('y', 300) AS b, 1 AS c`;
    const lines = await table(sql, { maxWidth: 40 });
    expect(lines[0]).toMatch(/^b +c {2}url$/u);
    expect(lines[2]).toBe(`${'y'.repeat(36)}…  1  ${link}`);
    expect((await table(sql, { maxWidth: Number.POSITIVE_INFINITY }))[2]).toBe(
      `${'y'.repeat(300)}  1  ${link}`,
    );
    expect((await table(`SELECT '${link}' AS url`, { maxWidth: 9 }))[2]).toBe(link);
    // What only begins like one is cut, also beside a link.
    const long = await table(`SELECT unnest(['${link}', repeat('https://a', 2000)]) AS url`, {
      maxWidth: 40,
    });
    expect(long[2]).toBe(link);
    expect(long[3]).toHaveLength(1000);
  });

  it('takes a hundred columns of a terminal unless others are given', async () => {
    const lines = await table(`SELECT repeat('x', 101) AS a`);
    expect(lines[2]).toBe(`${'x'.repeat(99)}…`);
  });

  const numbers = [
    'TINYINT',
    'SMALLINT',
    'INTEGER',
    'BIGINT',
    'HUGEINT',
    'UTINYINT',
    'USMALLINT',
    'UINTEGER',
  ];
  const more = ['UBIGINT', 'UHUGEINT', 'BIGNUM', 'FLOAT', 'DOUBLE', 'DECIMAL(4, 1)'];

  it.each([...numbers, ...more])('has %s on the right', async (type) => {
    expect((await table(`SELECT NULL::${type} AS "long name"`))[2]).toBe('     NULL');
  });

  it.each(['VARCHAR', 'DATE', 'BOOLEAN', 'INTEGER[]'])('has %s on the left', async (type) => {
    expect((await table(`SELECT NULL::${type} AS "long name"`))[2]).toBe('NULL');
  });

  it('leaves out the last columns where they cannot fit', async () => {
    const columns = Array.from({ length: 30 }, (_, index) => `'value ${index}' AS column_${index}`);
    const lines = await table(`SELECT ${columns.join(', ')}`, { maxWidth: 80 });
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(80);
    expect(lines.at(-1)).toBe('1 row, 30 columns (8 shown)');
  });

  it.each([
    [200, 'id image_key image_bytes nothing tags pred_label name'],
    [60, 'id image_bytes nothing pred_label name'],
    [49, 'id image_bytes pred_label name'],
    [38, 'id pred_label name'],
  ])('in %i columns shows %s: what tells people most', async (maxWidth, names) => {
    const sql = `
      SELECT 7 AS id, 'originals/images/7.jpg' AS image_key, 1234 AS image_bytes, NULL::VARCHAR AS nothing,
        ['a', 'b', 'c'] AS tags, 'Casual Shoes' AS pred_label, 'Men''s shoe' AS name`;
    const [header] = await table(sql, { maxWidth });
    expect(header?.trim().split(/\s+/u).join(' ')).toBe(names);
  });

  it('reckons with wide characters, combining marks and emoji', async () => {
    const sql = `SELECT * FROM (VALUES ('日本語', 1), ('é', 2), ('👩‍👩‍👧', 3), ('abcdef', 4)) AS t(text, id)`;
    expect((await table(sql)).slice(2, 6)).toEqual([
      '日本語   1',
      'é        2',
      '👩‍👩‍👧       3',
      'abcdef   4',
    ]);
    expect((await table(`SELECT '日本語日本語' AS text`, { maxWidth: 6 }))[2]).toBe('日本…');
  });

  it('lets nothing in the data control the terminal', async () => {
    const hostile = [
      0x00, 0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x9b, 0x200b, 0x2028, 0x202e, 0x2066, 0xfeff,
    ];
    const values = hostile.map((code) => `'a' || chr(${code}) || '[31mred'`).join('), (');
    const text = await textOf(
      encodeResult('table', await db.stream(`SELECT * FROM (VALUES (${values})) AS t("x\u001b[2J")`)),
    );
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(2 + hostile.length + 2);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(lines[0]).toBe('x␛[2J');
    expect(lines[2 + hostile.indexOf(0x1b)]).toBe('a␛[31mred');
    expect(lines[2 + hostile.indexOf(0x202e)]).toBe('a�[31mred');
  });

  it('shows nested values as JSON and takes huge cells', async () => {
    const lines = await table(`SELECT {'a': [1, NULL]} AS s, repeat('x', 5000000) AS big`, { maxWidth: 40 });
    expect(lines[2]).toMatch(/^\{"a":\[1,null\]\} {2}x+…$/u);
  });
});
