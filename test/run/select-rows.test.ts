import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useLake } from '../support/run-in-process.ts';

const lake = useLake(2);

test.each([
  ['', 'SQL_EMPTY', 2],
  ['SELECT 1 AS id; SELECT 2 AS id', 'SQL_MULTIPLE_STATEMENTS', 2],
  ['DELETE FROM images', 'SQL_NOT_SELECT', 2],
  ['SELECT id FROM images WHERE', 'SQL_SYNTAX', 2],
  ['SELECT nothing FROM images', 'SQL_FAILED', 3],
  ['SELECT CAST(gender AS INTEGER) AS id FROM images', 'SQL_FAILED', 3],
  ['SELECT id FROM nowhere', 'TABLE_NOT_FOUND', 3],
  ['SELECT id FROM images WHERE id < 0', 'PLAN_EMPTY', 3],
  ['SELECT gender FROM images', 'PLAN_ID_MISSING', 3],
  ['SELECT id FROM images UNION ALL SELECT id FROM images', 'PLAN_ID_DUPLICATE', 3],
  ['SELECT NULL::BIGINT AS id FROM images', 'PLAN_ID_DUPLICATE', 3],
  ['SELECT 1 AS id', 'PLAN_SOURCE_MISSING', 3],
])('SQL that cannot be run is refused before anything is written: %s', async (sql, code, exitCode) => {
  await expect(lake.current.lakehouse.run({ name: 'refused', sql })).rejects.toMatchObject({
    code,
    exitCode,
  });
  expect(await readdir(join(lake.current.uri, 'runs')).catch(() => [])).not.toContain('refused');
});
