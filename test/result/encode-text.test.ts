import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeResult } from '../../src/result/encodings.ts';
import type { QueryFormat } from '../../src/result/query-formats.ts';
import { MANY_ROWS, textOf, useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-encode-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function encode(format: QueryFormat, sql: string): Promise<string> {
  return textOf(encodeResult(format, await db.stream(sql)));
}

describe('json', () => {
  it('is one array with an object a line', async () => {
    expect(await encode('json', `VALUES (1, 'a'), (NULL, '"')`)).toBe(
      '[\n{"col0":1,"col1":"a"},\n{"col0":null,"col1":"\\""}\n]\n',
    );
  });

  it('is an empty array for no rows', async () => {
    expect(await encode('json', 'SELECT 1 AS a WHERE false')).toBe('[]\n');
  });

  it('keeps every column of a repeated name', async () => {
    expect(JSON.parse(await encode('json', 'SELECT 1 AS a, 2 AS a, 3 AS a'))).toEqual([
      { a: 1, a_1: 2, a_2: 3 },
    ]);
  });

  it('keeps keys in the order of the columns and takes any name', async () => {
    const text = await encode('json', 'SELECT 1 AS "2", 2 AS "1", 3 AS "__proto__", 4 AS "a""\n"');
    expect(text).toBe('[\n{"2":1,"1":2,"__proto__":3,"a\\"\\n":4}\n]\n');
  });
});

describe.each(['json', 'ndjson'] as const)('%s', (format) => {
  it('holds the rows that DuckDB itself writes as JSON', async () => {
    const text = await encode(format, MANY_ROWS);
    const lines: unknown = JSON.parse(format === 'json' ? text : `[${text.trimEnd().replaceAll('\n', ',')}]`);
    const expected = await db.rows(
      `SELECT to_json(t)::VARCHAR FROM (SELECT * REPLACE (strftime(taken_at, '%Y-%m-%dT%H:%M:%S') AS taken_at) FROM (${MANY_ROWS})) AS t`,
    );
    expect(lines).toHaveLength(10_000);
    expect(lines).toEqual(expected.map(([json]) => JSON.parse(String(json)) as unknown));
  });

  it('has every line be at most one object', async () => {
    const text = await encode(format, `SELECT E'a\\nb\\r' AS text FROM range(3)`);
    expect(text.split('\n').filter((line) => line.startsWith('{'))).toHaveLength(3);
  });
});

describe('ndjson', () => {
  it('is empty for no rows', async () => {
    expect(await encode('ndjson', 'SELECT 1 AS a WHERE false')).toBe('');
  });
});

describe('csv', () => {
  it('tells NULL from an empty string and quotes only what needs it', async () => {
    const sql = `VALUES (1, NULL, 'a b'), (2, '', 'a,b'), (3, '"', E'a\\nb'), (NULL, 'null', E'a\\r')`;
    expect(await encode('csv', `SELECT * FROM (${sql}) AS t(id, "na,me", text)`)).toBe(
      'id,"na,me",text\n1,,a b\n2,"","a,b"\n3,"""","a\nb"\n,null,"a\r"\n',
    );
  });

  it('has a header alone for no rows', async () => {
    expect(await encode('csv', 'SELECT 1 AS a, 2 AS a WHERE false')).toBe('a,a_1\n');
  });

  it('does not lose rows of a single column that is NULL', async () => {
    const file = join(folder, 'single.csv');
    await writeFile(file, await encode('csv', `SELECT * FROM (VALUES ('a'), (NULL), ('b')) AS t(name)`));
    expect(await db.rows(`SELECT name FROM read_csv('${file}')`)).toEqual([['a'], [null], ['b']]);
  });

  it('is read back by DuckDB as the same rows', async () => {
    const source = `
      SELECT *, (id * 1.25)::DECIMAL(12, 4) AS price, id % 2 = 0 AS is_even, DATE '2024-01-01' + id AS day,
        CASE id % 4 WHEN 0 THEN '' WHEN 1 THEN NULL WHEN 2 THEN 'comma, "quote"' ELSE E'line\\nbreak' END AS note,
        CASE WHEN id % 5 = 0 THEN 'nan'::DOUBLE WHEN id % 7 = 0 THEN '-inf'::DOUBLE ELSE id / 3 END AS ratio
      FROM (SELECT * EXCLUDE (neighbours) FROM (${MANY_ROWS}))`;
    const file = join(folder, 'many.csv');
    await writeFile(file, await encode('csv', source));
    await db.run(`CREATE OR REPLACE TEMP TABLE source AS ${source}`);
    const types = await db.rows(`SELECT column_name, column_type FROM (DESCRIBE source)`);
    const columns = types.map(([name, type]) => `'${String(name)}': '${String(type)}'`).join(', ');
    const read = `SELECT * FROM read_csv('${file}', header = true, columns = {${columns}}, allow_quoted_nulls = false)`;
    expect(await db.rows(`SELECT count(*) FROM (${read})`)).toEqual([[10_000n]]);
    expect(
      await db.rows(`(${read} EXCEPT ALL FROM source) UNION ALL (FROM source EXCEPT ALL ${read})`),
    ).toEqual([]);
  });
});
