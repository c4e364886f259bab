import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('ingest exits with 3 if it takes in nothing, or has more errors than it may', async () => {
  const { lake, folder } = await makePlainLake(2);
  const csv = join(folder, 'more.csv');
  const ingest = (...options: readonly string[]): ReturnType<typeof pixlake> =>
    pixlake(lake, 'ingest', csv, '--images', join(folder, 'source/images'), ...options);
  await writeFile(csv, 'id\n1\n7\n8\n');
  const failed = await ingest('--max-errors', '50%');
  expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('[TOO_MANY_ERRORS]') });
  expect(failed.stderr).toMatch(/2 of 3 rows .*\n.*ingests\/images\/\S+\/without-image\.csv/u);
  expect(await ingest('--max-errors', '2')).toMatchObject({ code: 0 });
  expect(await ingest('--max-errors', 'few')).toMatchObject({ code: 2 });
  await writeFile(csv, 'id\n001\n002\n');
  const empty = await ingest('--table', 'other');
  expect(empty).toMatchObject({ code: 3, stderr: expect.stringContaining('[INGEST_EMPTY]') });
  expect(empty.stderr).toContain('ids: 001, 002; image files: 1.jpg, 2.jpg');
});
