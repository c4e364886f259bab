import { expect, test } from 'vitest';
import { explainMistake } from '../../src/sql/explain-mistake.ts';

test.each([
  ['FROM runs.mens-shoes LIMIT 1', 'runs."mens-shoes"'],
  ['SELECT * FROM errors.a.b-c', 'errors."a.b-c"'],
  ['SELECT * FROM images VERSION AS OF 3', 'images@v3'],
  ["SELECT * FROM images TIMESTAMP AS OF '2026-01-31'", "images AT (TIMESTAMP => '2026-01-31')"],
  ["SELECT * FROM images FOR SYSTEM_TIME AS OF '2026-01-31'", "images AT (TIMESTAMP => '2026-01-31')"],
  ['EXPLAIN SELECT 1', '--explain'],
  ['PIVOT images ON gender USING count(*)', "IN ('Men', 'Women')"],
  ['SELECT * FROM (PIVOT images ON gender USING count(*))', "IN ('Men', 'Women')"],
  ['insert into images values (1)', 'pixlake ingest'],
  ['UPDATE images SET year = 1', 'pixlake ingest'],
  ['DELETE FROM images', 'pixlake delete <table> --where'],
])('%s is answered by what to write', (sql, words) => {
  expect(explainMistake(sql)).toContain(words);
});

test.each([
  'SELECT 1 +',
  'FROM runs."mens-shoes" WHER',
  'FROM runs.shoes WHER',
  'SELECT runs.shoes.id FROM runs.shoes WHER',
  'SELEC 1',
])('%s is not a well-known mistake', (sql) => {
  expect(explainMistake(sql)).toBeUndefined();
});
