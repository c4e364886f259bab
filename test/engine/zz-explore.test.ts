import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { it } from 'vitest';
import { openDuckDb } from '../../src/engine/open-duckdb.ts';
import { parseSelect } from '../../src/engine/parse-select.ts';
it('x', async () => {
  using db = await openDuckDb({ scratchDir: await mkdtemp(tmpdir() + '/px-') });
  for (const sql of ['', '  ', ';', ';;', '-- hi', '/* hi */', '-- hi\n;', 'SELECT 1; SELECT 2', 'SELECT 1;', 'SELECT 1; -- x', 'SELECT 1 -- x', 'SELECT 1; /* x */ ;', "SELECT ';'", "SELECT '; -- x'", "SELECT 1 -- ; x", "SELECT 1; -- it's; x", "SELECT 'a; -- ' ; -- x'", 'SELECT "a;b" FROM t;', "SELECT $$ ; -- $$", 'SELECT 1 /* ; */', 'SELECT 1; /* nested /* x */ */', "COPY (SELECT 1) TO '/tmp/x'", 'INSERT INTO t VALUES (1)', 'PRAGMA version', 'EXPLAIN SELECT 1', 'EXPLAIN ANALYZE SELECT 1', 'SET threads=1', 'SELECT 1; DROP TABLE x', 'CREATE TABLE x AS SELECT 1','DELETE FROM x','UPDATE x SET a=1','ATTACH \'x\'','INSTALL x','LOAD x','CALL pragma_version()','DESCRIBE t','SUMMARIZE t','SHOW TABLES','SHOW ALL TABLES','DESCRIBE SELECT * FROM t','FROM t','VALUES (1)','TABLE t','SELEC 1','SELECT * FROM','SELECT 1\0; DROP', 'SELECT 1e999', 'SELECT -1e999', "SELECT ':Infinity'", "SELECT 'nan'::DOUBLE, 1e999, ':inf'", 'WITH a AS (SELECT 1), B AS (SELECT * FROM t) SELECT * FROM a, b','PIVOT t ON x USING sum(y)','PIVOT t ON x IN (1,2) USING sum(y)','UNPIVOT t ON x,y INTO NAME n VALUE v', "SELECT * FROM 'x.csv'", "SELECT * FROM read_csv('x.csv')", 'SELECT * FROM runs."a-b"', 'SELECT * FROM cat.sch.t', 'SELECT * FROM memory.t', 'EXECUTE x', 'PREPARE x AS SELECT 1', 'SELECT 1 WHERE id = $1', 'SELECT 1 AS "日本" -- é', 'SELEC 1 -- 日本', "SELECT 'é', x FROM t WHERE (", 'BEGIN', 'EXPORT DATABASE \'x\'', 'SELECT 1\u00a0', 'SELECT 1;\u00a0', 'SELECT 1;\u3000--x', '(SELECT 1);', '(SELECT 1) UNION (SELECT * FROM u);','SELECT 1 INTO x', 'SHOW t','WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM r WHERE n<5) FROM r', 'WITH x AS (INSERT INTO t VALUES (1) RETURNING *) FROM x', 'SELECT ' + '('.repeat(3000) + '1' + ')'.repeat(3000), '\ufeffSELECT 1','SELECT 1;\r-- x', 'SELECT 1 # x','SELECT 0x','SELECT \'nan\'::FLOAT','SELECT 1e308*10','SELECT 1;--x\rSELECT 2', 'SELECT NaN', 'SELECT [1e999,-1e999]']) {
    let out: string;
    try { const p = await parseSelect(db, sql); out = JSON.stringify(p.sql).slice(0,80) + ' ' + JSON.stringify(p.tables) + ' ' + [...p.cteNames]; 
      try { await db.rows(`FROM (${p.sql}\n) LIMIT 0`); out += ' RUNS'; } catch (e) { out += ' ERR ' + String(e).split('\n')[0]?.slice(0,80);} }
    catch (e) { out = `${(e as any).code} ${(e as any).message}`; }
    console.log(JSON.stringify(sql).slice(0,60).padEnd(40), '=>', out.slice(0,260));
  }
});
