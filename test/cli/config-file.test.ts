import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { openLake } from '../../src/cli/lake-options.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const ALL = {
  lake: 'somewhere',
  endpointUrl: 'http://127.0.0.1:9000',
  region: 'eu-west-1',
  s3Reader: 'cache',
  workers: 3,
} as const;

/** Stands in a folder with such a file until the test ends. */
async function enter(text: string): Promise<void> {
  const folder = await makeTestFolder();
  await writeFile(join(folder, 'pixlake.config.json'), text);
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('settings of the folder count where neither the environment nor an option has them', async () => {
  await enter(JSON.stringify(ALL));
  expect(await readConfigFile({})).toEqual(ALL);
  expect(
    await readConfigFile({
      PIXLAKE_LAKE: 'x',
      AWS_ENDPOINT_URL: 'http://y',
      AWS_DEFAULT_REGION: 'z',
      PIXLAKE_S3_READER: 'auto',
      PIXLAKE_WORKERS: '1',
    }),
  ).toEqual({});
  expect(await readConfigFile({ PIXLAKE_LAKE: '', AWS_REGION: 'z' })).toEqual({
    ...ALL,
    region: undefined,
  });
  vi.stubEnv('PIXLAKE_LAKE', '');
  expect((await openLake({})).uri).toBe(join(process.cwd(), 'somewhere'));
  expect((await openLake({ lake: '/given' })).uri).toBe('/given');
});

test('a folder without the file has no settings', async () => {
  vi.spyOn(process, 'cwd').mockReturnValue(await makeTestFolder());
  expect(await readConfigFile({})).toEqual({});
});

test.each([
  ['{', 'JSON'],
  ['[]', 'the file: '],
  ['{"lakes": "x"}', 'lakes'],
  ['{"workers": 0}', 'workers: '],
  ['{"lake": ""}', 'lake: '],
  ['{"s3Reader": "ftp"}', 's3Reader: '],
])('%s is refused', async (text, words) => {
  await enter(text);
  await expect(readConfigFile({})).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringContaining(words),
    remedy: 'it may have lake, endpointUrl, region, s3Reader, workers',
  });
});
