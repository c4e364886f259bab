import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableFromIPC } from 'apache-arrow';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, test } from 'vitest';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { ALLOWED } from './allowed-sql.ts';
import { problemOf, embedServer, useEmbeddedServer } from './server-fixture.ts';

const server = useEmbeddedServer(60, { limits: { maxRows: 5000 } });

async function rows(body: object): Promise<unknown[]> {
  const response = await server.current.post('/v1/query', body);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as unknown[];
}

describe('POST /v1/query', () => {
  test('gives rows as JSON and names the versions that it read', async () => {
    const response = await server.current.post('/v1/query', {
      sql: 'SELECT gender, count(*) AS n FROM images GROUP BY ALL ORDER BY 1',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('pixlake-tables')).toBe('images@v0');
    expect(await response.json()).toEqual([
      { gender: 'Men', n: 30 },
      { gender: 'Women', n: 30 },
    ]);
  });

  test('takes named parameters of every kind', async () => {
    const sql = `SELECT count(*) AS n, $text AS text, $flag AS flag, $none AS none, $half AS half FROM images
      WHERE gender = $gender AND id <= $most AND list_contains($ids, id)`;
    const parameters = {
      gender: 'Men',
      most: 10,
      ids: [1, 2, 3, 4],
      text: `'; DROP TABLE images; --`,
      flag: true,
      none: null,
      half: 0.5,
    };
    expect(await rows({ sql, parameters })).toEqual([
      { n: 2, text: parameters.text, flag: true, none: null, half: 0.5 },
    ]);
  });

  test('says which parameters are missing, and which are too many', async () => {
    const missing = await problemOf(
      await server.current.post('/v1/query', { sql: 'SELECT $a, $b', parameters: { a: 1 } }),
    );
    expect(missing).toMatchObject({
      status: 400,
      code: 'ARGUMENT_INVALID',
      detail: 'parameters of the SQL have no value: $b',
    });
    const unknown = await problemOf(
      await server.current.post('/v1/query', { sql: 'SELECT 1', parameters: { c: 1 } }),
    );
    expect(unknown.detail).toBe('the SQL has no parameters $c');
  });

  test.each(['json', 'ndjson', 'csv', 'arrow', 'parquet'])(
    '%s holds the same rows, by format and by Accept',
    async (format) => {
      const types = {
        json: 'application/json',
        ndjson: 'application/x-ndjson',
        csv: 'text/csv',
        arrow: 'application/vnd.apache.arrow.stream',
        parquet: 'application/vnd.apache.parquet',
      };
      const accept = types[format as keyof typeof types];
      const sql = 'SELECT id, gender FROM images WHERE id <= 3 ORDER BY id';
      const byField = await server.current.post('/v1/query', { sql, format });
      const byHeader = await server.current.post('/v1/query', { sql }, { accept: `${accept}, */*;q=0.1` });
      const byUrl = await server.current.post(`/v1/query?format=${format}`, { sql }, { accept: 'text/csv' });
      const byBoth = await server.current.post(`/v1/query?format=${format}`, { sql, format });
      for (const response of [byField, byHeader, byUrl, byBoth]) {
        expect(response.headers.get('content-type')).toBe(accept);
        const bytes = new Uint8Array(await response.arrayBuffer());
        expect(await readRows(format, bytes)).toEqual([
          { id: 1, gender: 'Men' },
          { id: 2, gender: 'Women' },
          { id: 3, gender: 'Men' },
        ]);
      }
    },
  );

  test('two formats are a contradiction, and other options belong in the body', async () => {
    const twice = await server.current.post('/v1/query?format=csv', { sql: 'SELECT 1', format: 'json' });
    expect(await problemOf(twice)).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: 'format is csv in the query string, but json in the body',
    });
    for (const query of ['format=xml', 'limit=1', 'format=csv&format=json'])
      expect((await server.current.post(`/v1/query?${query}`, { sql: 'SELECT 1' })).status, query).toBe(400);
    expect.assertions(4);
  });

  test('limit cuts, and a result beyond the cap is refused whole while it is small', async () => {
    expect(await rows({ sql: 'SELECT id FROM images', limit: 7 })).toHaveLength(7);
    expect(await rows({ sql: 'SELECT id FROM images', limit: 0 })).toEqual([]);
    expect(await rows({ sql: 'FROM range(5000)' })).toHaveLength(5000);
    const problem = await problemOf(
      await server.current.post('/v1/query', { sql: 'FROM range(5001)', format: 'parquet' }),
    );
    expect(problem).toMatchObject({ status: 422, code: 'RESULT_TOO_LARGE' });
  });

  test('a result that turns out too large midway ends without its last chunk', async () => {
    const response = await server.current.post('/v1/query', { sql: 'FROM range(5001)', format: 'ndjson' });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow(/terminated/u);
  });

  test.each([
    [
      'WITH',
      'WITH men AS (SELECT * FROM images WHERE gender = $g) SELECT count(*) AS n FROM men',
      [{ n: 30 }],
    ],
    ['VALUES', 'VALUES (1), (2)', [{ col0: 1 }, { col0: 2 }]],
    ['UNION', 'SELECT 1 AS x UNION ALL SELECT 2', [{ x: 1 }, { x: 2 }]],
    [
      'PIVOT',
      `SELECT * FROM (PIVOT (SELECT gender, year FROM images WHERE id <= 2) ON gender IN ('Men', 'Women') USING count(*)) ORDER BY year`,
      [
        { year: 2008, Men: 1, Women: 0 },
        { year: 2009, Men: 0, Women: 1 },
      ],
    ],
    ['DESCRIBE', 'SELECT column_name FROM (DESCRIBE images) LIMIT 1', [{ column_name: 'id' }]],
    [
      'windows',
      'SELECT id, row_number() OVER (PARTITION BY gender ORDER BY id) AS n FROM images ORDER BY id LIMIT 2',
      [
        { id: 1, n: 1 },
        { id: 2, n: 1 },
      ],
    ],
    ['lambdas', 'SELECT list_transform([1, 2], lambda x: x + 1) AS l', [{ l: [2, 3] }]],
    ['versions', 'SELECT count(*) AS n FROM images@v0', [{ n: 60 }]],
    ['a trailing semicolon and comment', 'SELECT 1 AS x; -- done', [{ x: 1 }]],
  ])('runs what analysts write: %s', async (_name, sql, expected) => {
    const parameters = sql.includes('$g') ? { g: 'Men' } : {};
    expect(await rows({ sql, parameters })).toEqual(expected);
  });

  test.each(ALLOWED)('allows %s', async (sql) => {
    const response = await server.current.post('/v1/query', { sql, limit: 3, format: 'ndjson' });
    expect(response.status, await response.text()).toBe(200);
  });

  test('SUMMARIZE and DESCRIBE of a table work by themselves', async () => {
    expect(await rows({ sql: 'SUMMARIZE images' })).toContainEqual(
      expect.objectContaining({ column_name: 'year', min: '2007' }),
    );
    expect(await rows({ sql: 'DESCRIBE images' })).toContainEqual(
      expect.objectContaining({ column_name: 'image_key' }),
    );
  });

  test('EXPLAIN gives the plan without places of the server', async () => {
    const [plan] = (await rows({ sql: 'EXPLAIN SELECT count(*) FROM images WHERE year > 2012' })) as [
      { explain_value: string },
    ];
    expect(plan.explain_value).toContain('READ_PARQUET');
    expect(plan.explain_value).not.toContain('/');
    const refused = await problemOf(
      await server.current.post('/v1/query', { sql: 'EXPLAIN ANALYZE SELECT 1' }),
    );
    expect(refused.code).toBe('SQL_REFUSED');
  });

  test('`at` reads an older version, and one that there is not is a 404', async () => {
    const folder = await makeTestFolder();
    const lake = join(folder, 'lake');
    const source = await writeCatalogue(folder, [csvLine({ id: 1 })], { '1.jpg': await drawJpeg(1) });
    await pixlakeJson(lake, 'ingest', source);
    await writeCatalogue(source, [csvLine({ id: 1 }), csvLine({ id: 2 })], { '2.jpg': await drawJpeg(2) });
    await pixlakeJson(lake, 'ingest', source);
    await using other = await embedServer(lake);
    const count = async (at?: unknown): Promise<unknown> =>
      (
        await other.post('/v1/query', {
          sql: 'SELECT count(*) AS n FROM images',
          ...(at === undefined ? {} : { at }),
        })
      ).json();
    expect(await count()).toEqual([{ n: 2 }]);
    expect(await count(0)).toEqual([{ n: 1 }]);
    expect(await count(7)).toMatchObject({ code: 'SNAPSHOT_NOT_FOUND', status: 404 });
  });

  test.each([
    ['no SQL', {}, 400, 'REQUEST_INVALID'],
    ['an unknown field', { sql: 'SELECT 1', nope: 1 }, 400, 'REQUEST_INVALID'],
    ['a limit below zero', { sql: 'SELECT 1', limit: -1 }, 400, 'REQUEST_INVALID'],
    ['a bad parameter name', { sql: 'SELECT 1', parameters: { 'a b': 1 } }, 400, 'REQUEST_INVALID'],
    ['nested parameters', { sql: 'SELECT 1', parameters: { a: { b: 1 } } }, 400, 'REQUEST_INVALID'],
    ['an unknown format', { sql: 'SELECT 1', format: 'xml' }, 400, 'REQUEST_INVALID'],
    ['empty SQL', { sql: ' ' }, 400, 'SQL_EMPTY'],
    ['broken SQL', { sql: 'SELECT FROM WHERE' }, 400, 'SQL_SYNTAX'],
    ['an unknown column', { sql: 'SELECT nope FROM images' }, 422, 'SQL_FAILED'],
    ['an unknown table', { sql: 'SELECT 1 FROM nope' }, 404, 'TABLE_NOT_FOUND'],
    ['a bad version', { sql: 'SELECT 1 FROM images', at: 'last week' }, 400, 'ARGUMENT_INVALID'],
  ])('refuses %s', async (_name, body, status, code) => {
    const response = await server.current.post('/v1/query', body);
    const problem = await problemOf(response);
    expect([response.status, problem.status, problem.code]).toEqual([status, status, code]);
    expect(problem.type).toBe(`urn:pixlake:${code}`);
    expect(problem.requestId).toBe(response.headers.get('x-request-id'));
    expect(problem.detail).not.toContain(server.lake);
  });

  test('an Accept header that cannot be served is a 406', async () => {
    const response = await server.current.post('/v1/query', { sql: 'SELECT 1' }, { accept: 'image/png' });
    expect(await problemOf(response)).toMatchObject({ status: 406, code: 'NOT_ACCEPTABLE' });
  });

  test('a query that takes too long is killed, and the next one is served', async () => {
    await using hasty = await embedServer(server.lake, { limits: { slots: 1, timeoutMs: 1000 } });
    const sql = `SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE (a.range * b.range) % 7 = 3`;
    const problem = await problemOf(await hasty.post('/v1/query', { sql }));
    expect(problem).toMatchObject({ status: 422, code: 'QUERY_TIMEOUT' });
    expect(await (await hasty.post('/v1/query', { sql: 'SELECT 1 AS x' })).json()).toEqual([{ x: 1 }]);
  });

  test('a reader that is slow gets all of it', async () => {
    const response = await server.current.post('/v1/query', {
      sql: `SELECT range AS i, repeat('x', 2000) AS text FROM range(5000)`,
      format: 'ndjson',
    });
    let [lineCount, count] = [0, 0];
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      for (const byte of chunk) if (byte === 0x0a) lineCount += 1;
      if (count++ % 20 === 0) await sleep(20);
    }
    expect(lineCount).toBe(5000);
  });

  test('nothing stays behind between queries', async () => {
    for (const sql of [
      'SET VARIABLE a = 1',
      'CREATE TABLE t AS SELECT 1',
      'CREATE MACRO f() AS 1',
      "ATTACH ':memory:' AS m",
    ])
      expect((await problemOf(await server.current.post('/v1/query', { sql }))).status).toBe(400);
    for (const [sql, code] of [
      ['SELECT * FROM t', 'TABLE_NOT_FOUND'],
      ['SELECT f()', 'SQL_REFUSED'],
      ['SELECT * FROM m.t', 'SQL_REFUSED'],
    ])
      expect(await problemOf(await server.current.post('/v1/query', { sql })), sql).toMatchObject({ code });
  });
});

async function readRows(format: string, bytes: Uint8Array): Promise<unknown[]> {
  const text = Buffer.from(bytes).toString('utf8');
  switch (format) {
    case 'json':
      return JSON.parse(text) as unknown[];
    case 'ndjson':
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    case 'csv': {
      const [, ...lines] = text.trim().split('\n');
      return lines.map((line) => ({ id: Number(line.split(',')[0]), gender: line.split(',')[1] }));
    }
    case 'arrow':
      return tableFromIPC(bytes)
        .toArray()
        .map((row: { id: bigint; gender: string }) => ({ id: Number(row.id), gender: row.gender }));
    default: {
      const file = bytes.slice().buffer;
      const found = await parquetReadObjects({ file, compressors });
      return found.map(({ id, gender }) => ({ id: Number(id), gender: String(gender) }));
    }
  }
}
