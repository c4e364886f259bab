import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { type ParsedSelect, parseSelect } from '../../src/sql/parse-select.ts';

let db: DuckDb;
let scratchDir: string;

beforeAll(async () => {
  scratchDir = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  db = await openDuckDb({ scratchDir, threads: 1 });
  await db.run('CREATE TABLE t AS SELECT 1 AS x, 2 AS y');
});

afterAll(async () => {
  db[Symbol.dispose]();
  await rm(scratchDir, { recursive: true, force: true });
});

/** Parses, and runs the result as the subquery that runs and limits make of it. */
async function rowsOf(sql: string): Promise<unknown[]> {
  const parsed = await parseSelect(db, sql);
  return db.rows(`FROM (${parsed.sql}\n) LIMIT 100`);
}

function namesOf({ tables }: ParsedSelect): string[] {
  return tables.map(({ viewName: [schema, name] }) => (schema === '' ? name : `${schema}/${name}`)).sort();
}

describe('a query is refused', () => {
  it.each<[string, string]>([
    ['', 'SQL_EMPTY'],
    [' \n\t ', 'SQL_EMPTY'],
    [';', 'SQL_EMPTY'],
    [';;', 'SQL_EMPTY'],
    ['-- only a comment', 'SQL_EMPTY'],
    ['/* only a comment */;', 'SQL_EMPTY'],
    ['SELECT 1; SELECT 2', 'SQL_MULTIPLE_STATEMENTS'],
    ['SELECT 1;\nSELECT 2;', 'SQL_MULTIPLE_STATEMENTS'],
    ['SELECT 1; -- x\rSELECT 2', 'SQL_MULTIPLE_STATEMENTS'],
    ['SELEC 1', 'SQL_SYNTAX'],
    ['SELECT * FROM', 'SQL_SYNTAX'],
    ["SELECT 'open", 'SQL_SYNTAX'],
    ['SELECT 1 /* open', 'SQL_SYNTAX'],
    ['SELECT 1 INTO x', 'SQL_SYNTAX'],
    ['WITH x AS (INSERT INTO t VALUES (1, 2) RETURNING *) FROM x', 'SQL_SYNTAX'],
    ["COPY (SELECT 1) TO 'x.csv'", 'SQL_NOT_SELECT'],
    ["COPY t FROM 'x.csv'", 'SQL_NOT_SELECT'],
    ['INSERT INTO t VALUES (1, 2)', 'SQL_NOT_SELECT'],
    ['UPDATE t SET x = 2', 'SQL_NOT_SELECT'],
    ['DELETE FROM t', 'SQL_NOT_SELECT'],
    ['DROP TABLE t', 'SQL_NOT_SELECT'],
    ['CREATE TABLE u AS SELECT 1', 'SQL_NOT_SELECT'],
    ['PRAGMA version', 'SQL_NOT_SELECT'],
    ['CALL pragma_version()', 'SQL_NOT_SELECT'],
    ['EXPLAIN SELECT 1', 'SQL_NOT_SELECT'],
    ['EXPLAIN ANALYZE SELECT 1', 'SQL_NOT_SELECT'],
    ['SET threads = 1', 'SQL_NOT_SELECT'],
    ["ATTACH 'x.duckdb'", 'SQL_NOT_SELECT'],
    ["EXPORT DATABASE 'x'", 'SQL_NOT_SELECT'],
    ['INSTALL httpfs', 'SQL_NOT_SELECT'],
    ['LOAD httpfs', 'SQL_NOT_SELECT'],
    ['PREPARE p AS SELECT 1', 'SQL_NOT_SELECT'],
    ['EXECUTE p', 'SQL_NOT_SELECT'],
    ['BEGIN', 'SQL_NOT_SELECT'],
    ['CHECKPOINT', 'SQL_NOT_SELECT'],
    ['SELECT 1; DROP TABLE t', 'SQL_NOT_SELECT'],
    ['DROP TABLE t; SELECT 1', 'SQL_NOT_SELECT'],
    ['PIVOT t ON x USING sum(y)', 'SQL_NOT_SELECT'],
    ['SHOW TABLES', 'SQL_NOT_SELECT'],
    ['-- all\nSHOW ALL TABLES', 'SQL_NOT_SELECT'],
    ['SELECT 1\0; DROP TABLE t', 'SQL_SYNTAX'],
    ["SELECT 'a\0b'", 'SQL_SYNTAX'],
  ])('%j is %s', async (sql, code) => {
    await expect(parseSelect(db, sql)).rejects.toMatchObject({ name: 'PixlakeError', code });
  });

  it('without having been run', async () => {
    await expect(parseSelect(db, 'DROP TABLE t')).rejects.toThrow(/not a SELECT/u);
    expect(await rowsOf('FROM t')).toEqual([{ x: 1, y: 2 }]);
  });

  it('with the place of the mistake and a short quote of the text', async () => {
    await expect(parseSelect(db, ' SELECT *\n FORM t ')).rejects.toThrow(
      'syntax error at or near "t" at character 17 of: SELECT * FORM t',
    );
    await expect(parseSelect(db, `SELECT ${'x,\n'.repeat(63)} FROM`)).rejects.toThrow(
      new RegExp(` of: SELECT ${'x, '.repeat(63)}FROM$`, 'u'),
    );
    await expect(parseSelect(db, `SELECT ${'x,\n'.repeat(5000)} FROM FROM`)).rejects.toThrow(
      new RegExp(` of: SELECT ${'x, '.repeat(64)}x…$`, 'u'),
    );
    const broken = { serialize: async () => '{"error": true}' };
    await expect(parseSelect(broken, 'FROM t')).rejects.toThrow(/^syntax error of: FROM t$/u);
  });

  it('with what to do instead', async () => {
    await expect(parseSelect(db, '')).rejects.toMatchObject({ remedy: 'give one SELECT' });
    await expect(parseSelect(db, 'CHECKPOINT')).rejects.toMatchObject({ remedy: 'give one SELECT' });
    for (const [sql, words] of [
      ['EXPLAIN SELECT 1', '--explain'],
      ['FROM runs.mens-shoes', 'runs."mens-shoes"'],
      ['SHOW TABLES', '`pixlake tables`'],
    ] as const)
      await expect(parseSelect(db, sql)).rejects.toMatchObject({ remedy: expect.stringContaining(words) });
    await expect(parseSelect(db, 'SELECT 1 +')).rejects.toMatchObject({ remedy: undefined });
    await expect(parseSelect(db, 'FROM t; FROM t')).rejects.toMatchObject({
      message: 'the SQL contains 2 statements',
      remedy: 'give one SELECT; combine several steps with WITH',
    });
    await expect(parseSelect(db, 'DROP TABLE t')).rejects.toMatchObject({
      message: 'not a SELECT: DROP TABLE t',
      remedy: expect.stringContaining('pixlake tables drop'),
    });
  });

  it('where the answer of the parser is not JSON', async () => {
    const broken = { serialize: async () => '{"error": maybe}' };
    await expect(parseSelect(broken, 'FROM t')).rejects.toMatchObject({
      code: 'SQL_SYNTAX',
      message: expect.stringContaining('the SQL could not be checked: '),
    });
  });

  it('by a guard, which is shown what is written and what will run', async () => {
    const seen: string[] = [];
    const guard = (statement: unknown): void => {
      seen.push(/"table_name":"[^"]+"/u.exec(JSON.stringify(statement))?.[0] ?? '');
    };
    await parseSelect(db, 'FROM t', guard);
    await parseSelect(db, 'FROM t@v1;', guard);
    expect(seen).toEqual(['"table_name":"t"', '"table_name":"t@v1"', '"table_name":"t"']);
    const refuse = (): void => {
      throw new Error('refused');
    };
    await expect(parseSelect(db, 'FROM t', refuse)).rejects.toThrow('refused');
  });
});

describe('a query is accepted and can be run as a subquery', () => {
  it.each<[string, unknown[]]>([
    ['SELECT 1 AS a', [{ a: 1 }]],
    ['select 1 as a;', [{ a: 1 }]],
    ['SELECT 1 AS a;;;', [{ a: 1 }]],
    ['SELECT 1 AS a; -- done', [{ a: 1 }]],
    ['SELECT 1 AS a; -- done\n', [{ a: 1 }]],
    ["SELECT 1 AS a; -- it's; over", [{ a: 1 }]],
    ['SELECT 1 AS a; /* done; */ ; /* really */', [{ a: 1 }]],
    ['SELECT 1 AS a; /* outer /* inner */ outer */', [{ a: 1 }]],
    ['SELECT 1 AS a -- no semicolon', [{ a: 1 }]],
    ['SELECT 1 AS a -- not here; nor there', [{ a: 1 }]],
    ['-- first\nSELECT 1 AS a; -- last', [{ a: 1 }]],
    ["SELECT ';' AS a;", [{ a: ';' }]],
    ["SELECT '; -- x' AS a;", [{ a: '; -- x' }]],
    ["SELECT 'a; -- ' AS a; -- it's", [{ a: 'a; -- ' }]],
    ["SELECT 'it''s; /* x' AS a; /* y */", [{ a: "it's; /* x" }]],
    [String.raw`SELECT E'it\'s; -- x' AS a; -- y`, [{ a: "it's; -- x" }]],
    ['SELECT 1 AS "; -- ";', [{ '; -- ': 1 }]],
    ['SELECT $$; -- x$$ AS a; -- y', [{ a: '; -- x' }]],
    ['SELECT $tag$; $$ -- x$tag$ AS a; -- y', [{ a: '; $$ -- x' }]],
    ['SELECT 2 - -1 AS a; -- y', [{ a: 3 }]],
    ['SELECT 8 / 2 AS a; -- y', [{ a: 4 }]],
    ['VALUES (7);', [{ col0: 7 }]],
    ['FROM t;', [{ x: 1, y: 2 }]],
    ['TABLE t', [{ x: 1, y: 2 }]],
    ['(SELECT x FROM t);', [{ x: 1 }]],
    ['SELECT x FROM t UNION ALL SELECT y FROM t;', [{ x: 1 }, { x: 2 }]],
    ['WITH a AS (SELECT 5 AS v) FROM a;', [{ v: 5 }]],
    ['PIVOT t ON x IN (1) USING sum(y) GROUP BY y', [{ y: 2, '1': 2n }]],
    ["SELECT '日本' AS a; -- 日本", [{ a: '日本' }]],
  ])('%j', async (sql, rows) => {
    expect(await rowsOf(sql)).toEqual(rows);
  });

  it.each([
    ['SELECT 1;', 'SELECT 1'],
    ['SELECT 1 ; -- done', 'SELECT 1'],
    ['SELECT 1 -- done', 'SELECT 1 -- done'],
    ['SELECT 1 ', 'SELECT 1 '],
    [' SELECT 1 /* ; */;;', ' SELECT 1'],
  ])('%j without what ends it: %j', async (sql, cut) => {
    expect((await parseSelect(db, sql)).sql).toBe(cut);
  });

  it('as it is where the parser does not take the shorter text for the same', async () => {
    const other = {
      serialize: async (sql: string) => (sql.endsWith(';') ? db.serialize(sql) : db.serialize('FROM u')),
    };
    expect((await parseSelect(other, 'FROM t;')).sql).toBe('FROM t;');
  });

  it.each(['1e999', '-1e999', '[1e999, -1e999]', "'Infinity'::DOUBLE", "'nan'::FLOAT"])(
    'with the constant %s',
    async (constant) => {
      const parsed = await parseSelect(db, `SELECT ${constant} AS a FROM images`);
      expect(namesOf(parsed)).toEqual(['images']);
      expect(await rowsOf(`SELECT ${constant} AS a;`)).toHaveLength(1);
    },
  );

  it('with texts that look like those constants left alone', async () => {
    expect(await rowsOf(`SELECT ':inf' AS a, 1e999 AS b, ':-Infinity, :nan' AS c;`)).toMatchObject([
      { a: ':inf', c: ':-Infinity, :nan' },
    ]);
  });

  it('as DESCRIBE and SUMMARIZE', async () => {
    expect(await rowsOf('DESCRIBE t;')).toHaveLength(2);
    expect(await rowsOf('SUMMARIZE t')).toHaveLength(2);
  });

  it('whatever its texts and trailing comments hold', async () => {
    const piece = fc.constantFrom(';', '--', '/*', '*/', "'", '"', '$$', 'e', ' ', '\n', 'a', '\\', '日');
    const content = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const comment = fc.array(fc.constantFrom(';', '-', "'", '"', '$$', ' ', 'a'), { maxLength: 8 });
    const trailer = fc.array(
      fc.oneof(
        fc.constantFrom(' ', '\n', ';'),
        comment.map((pieces) => `--${pieces.join('')}\n`),
        comment.map((pieces) => `/* ${pieces.join('')} */`),
      ),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(content, trailer, async (text, trailing) => {
        const sql = `SELECT '${text.replaceAll("'", "''")}' AS a;${trailing.join('')}`;
        expect(await rowsOf(sql)).toEqual([{ a: text }]);
      }),
      { seed: 31, numRuns: 150 },
    );
  });

  it.each([
    ['a line of dashes', `-- step 1; ${'-'.repeat(5000)}\nSELECT 1 AS a`],
    ['many comments', `/* a; */ ${'/* b */ '.repeat(3000)}\nSELECT 1 AS a;`],
    ['many semicolons in a text', `SELECT 1 AS a WHERE '${'; --'.repeat(5000)}' <> '';`],
    ['many semicolons at the end', `SELECT 1 AS a${';'.repeat(20_000)}`],
    ['a long text', `SELECT 1 AS a WHERE E'${String.raw`\'`.repeat(50_000)}' <> '';`],
  ])('at once in spite of %s', async (_, sql) => {
    const startMs = performance.now();
    expect(await rowsOf(sql)).toEqual([{ a: 1 }]);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});

describe('the tables of a query', () => {
  it.each<[string, string[]]>([
    ['SELECT 1', []],
    ['FROM images', ['images']],
    ['SELECT * FROM images i JOIN labels l USING (id)', ['images', 'labels']],
    ['SELECT * FROM images, labels', ['images', 'labels']],
    [
      'SELECT * FROM a LEFT JOIN b ON a.x = b.x SEMI JOIN c USING (x) ANTI JOIN d USING (x)',
      ['a', 'b', 'c', 'd'],
    ],
    ['SELECT * FROM a ASOF JOIN b ON a.x >= b.x POSITIONAL JOIN c', ['a', 'b', 'c']],
    ['SELECT * FROM a WHERE id IN (SELECT id FROM b)', ['a', 'b']],
    ['SELECT * FROM a WHERE EXISTS (FROM b WHERE b.id = a.id)', ['a', 'b']],
    ['SELECT (SELECT max(x) FROM b) FROM a', ['a', 'b']],
    ['SELECT * FROM a LIMIT (SELECT count(*) FROM b) OFFSET (SELECT count(*) FROM c)', ['a', 'b', 'c']],
    ['SELECT count(*) FILTER (WHERE x IN (FROM b)) FROM a', ['a', 'b']],
    ['SELECT sum(x) OVER (ORDER BY (SELECT x FROM b)) FROM a', ['a', 'b']],
    ['SELECT * FROM a ORDER BY (SELECT x FROM b)', ['a', 'b']],
    ['SELECT x FROM a GROUP BY x HAVING x > (SELECT x FROM b)', ['a', 'b']],
    ['SELECT x FROM a QUALIFY row_number() OVER () < (SELECT x FROM b)', ['a', 'b']],
    ['SELECT CASE WHEN x IN (FROM b) THEN 1 ELSE (SELECT x FROM c) END FROM a', ['a', 'b', 'c']],
    ['SELECT [y FOR y IN (SELECT list(x) FROM b)] FROM a', ['a', 'b']],
    ['FROM a UNION FROM b EXCEPT FROM c INTERSECT FROM d', ['a', 'b', 'c', 'd']],
    ['FROM (FROM (FROM (FROM a)))', ['a']],
    ['SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x)', ['a', 'b']],
    ['VALUES ((SELECT x FROM a))', ['a']],
    ['DESCRIBE a', ['a']],
    ['DESCRIBE SELECT * FROM a', ['a']],
    ['SUMMARIZE a', ['a']],
    ['PIVOT a ON x IN (1, 2) USING sum(y)', ['a']],
    ['UNPIVOT a ON x, y INTO NAME n VALUE v', ['a']],
    ['FROM a TABLESAMPLE 10%', ['a']],
    ['FROM a; -- FROM b', ['a']],
    ["SELECT 'FROM b' FROM a", ['a']],
    ['FROM a JOIN a AS again USING (x)', ['a']],
    ['FROM runs."men-shoes" JOIN images USING (id)', ['images', 'runs/men-shoes']],
    ['FROM "with ""quotes"" and ; in it"', ['with "quotes" and ; in it']],
    ['FROM information_schema.tables', ['information_schema/tables']],
    ["FROM 'x.csv'", ['x.csv']],
  ])('%j', async (sql, names) => {
    expect(namesOf(await parseSelect(db, sql))).toEqual(names);
  });

  it('may be names that the query gives to its own parts', async () => {
    const parsed = await parseSelect(db, 'WITH a AS (FROM t), "B" AS (WITH c AS (FROM a) FROM c) FROM a, b');
    expect([...parsed.cteNames].sort()).toEqual(['a', 'b', 'c']);
    expect(namesOf(parsed)).toContain('t');
  });

  it('are each told once, by the name that stands first', async () => {
    const { tables } = await parseSelect(
      db,
      'FROM T JOIN t USING (x) JOIN runs.t USING (x) JOIN Runs.T USING (x)',
    );
    expect(tables.map(({ reference, viewName }) => [reference.schema, reference.name, ...viewName])).toEqual([
      ['', 'T', '', 't'],
      ['runs', 't', 'Runs', 'T'],
    ]);
  });

  it('are found in parts that are recursive', async () => {
    const sql =
      'WITH RECURSIVE r AS (SELECT x FROM t UNION ALL SELECT x + 1 FROM r JOIN u USING (x)) SELECT * FROM r';
    const parsed = await parseSelect(db, sql);
    expect(namesOf(parsed)).toEqual(['r', 't', 'u']);
    expect([...parsed.cteNames]).toEqual(['r']);
  });
});
