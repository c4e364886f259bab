import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawJpeg } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';
import { embedServer, type EmbeddedServer, eventually, finished, runOf } from './server-fixture.ts';

const IDS = [
  'plain',
  'a b',
  '50%',
  '%2F',
  'größe',
  '日本',
  "it's",
  'a+b',
  'a&b=c',
  '#1?',
  'x.y',
  'é'.repeat(80),
];

interface Row {
  readonly id: string;
  readonly image_key: string;
  readonly image_sha256: string;
  readonly image_url: string;
}

async function makeLake(folder: string): Promise<string> {
  const images = join(folder, 'source/images');
  await mkdir(images, { recursive: true });
  const lines = IDS.map((id, index) => `${id},${index}.jpg,https://example.org/${index}`);
  await writeFile(join(folder, 'source/rows.csv'), `id,image,image_url\n${lines.join('\n')}\n`);
  for (const index of IDS.keys()) await writeFile(join(images, `${index}.jpg`), await drawJpeg(index));
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', join(folder, 'source'), '--image-column', 'image');
  return lake;
}

let folder: string;
let lake: string;
let where: EmbeddedServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-urls-'));
  lake = await makeLake(folder);
  where = await embedServer(lake);
});

afterAll(async () => {
  await where[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function readManifest(name: string): Promise<Row[]> {
  return (await (await where.get(`/v1/runs/${name}/manifest`)).json()) as Row[];
}

async function expectImages(rows: readonly Row[]): Promise<void> {
  for (const row of rows) {
    const image = await where.get(row.image_url);
    const bytes = Buffer.from(await image.arrayBuffer());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect([row.id, image.status, sha256]).toEqual([row.id, 200, row.image_sha256]);
  }
}

test('rows of a manifest lead to their images, whatever their ids are, in every format', async () => {
  const sql = 'SELECT * EXCLUDE (image_url) FROM images';
  await where.post('/v1/runs', { name: 'odd-ids', sql, transform: { size: 16 } });
  const { output } = (await finished(where, 'odd-ids')) as { output?: { images: string } };
  const rows = await readManifest('odd-ids');
  expect(rows.map(({ id }) => id).toSorted()).toEqual(IDS.toSorted());
  await expectImages(rows);
  const [first] = rows;
  expect(Object.keys(first ?? {}).at(-1)).toBe('image_url');
  expect(first?.image_url).toMatch(
    /^\/v1\/runs\/odd-ids\/images\/runs\/odd-ids\/run_id=[0-9a-f]{16}\/images\//u,
  );
  // The template of the run leads there as well.
  const byTemplate = rows.map((row) => ({
    ...row,
    image_url: output?.images.replace('{image_key}', encodeURIComponent(row.image_key)) ?? '',
  }));
  await expectImages(byTemplate);

  const urls = rows.map((row) => row.image_url);
  const read = async (format: string): Promise<Response> =>
    where.get(`/v1/runs/odd-ids/manifest?format=${format}`);
  const lines = (await (await read('ndjson')).text()).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Row).image_url)).toEqual(urls);
  const csv = (await (await read('csv')).text()).trim().split('\n').slice(1);
  expect(csv.map((line) => line.slice(line.lastIndexOf(',') + 1))).toEqual(urls);
  const arrow = tableFromIPC(new Uint8Array(await (await read('arrow')).arrayBuffer()));
  expect([...(arrow.getChild('image_url') ?? [])]).toEqual(urls);
  const file = await (await read('parquet')).arrayBuffer();
  expect(
    ((await parquetReadObjects({ file, compressors })) as unknown as Row[]).map((row) => row.image_url),
  ).toEqual(urls);

  // A column of that name is that of the rows in SQL, and makes room in the manifest.
  await where.post('/v1/runs', {
    name: 'own',
    sql: "SELECT id, image_url AS IMAGE_url FROM images WHERE id = 'plain'",
  });
  await finished(where, 'own');
  const [own] = await readManifest('own');
  expect(own).not.toHaveProperty('IMAGE_url');
  await expectImages(own === undefined ? [] : [own]);
  const query = await where.post('/v1/query', { sql: 'SELECT IMAGE_url FROM runs.own' });
  expect(await query.json()).toEqual([{ IMAGE_url: 'https://example.org/0' }]);
});

test('images that a retry or an earlier execution made are served too', async () => {
  const [missing] = await pixlakeJson<Row[]>(lake, 'query', "SELECT image_key FROM images WHERE id = 'a b'");
  const path = join(lake, missing?.image_key ?? '');
  await rm(path);
  const spec = { name: 'again', sql: 'SELECT id FROM images', transform: { size: 16 } };
  await where.post('/v1/runs', spec);
  await finished(where, 'again');
  await writeFile(path, await drawJpeg(IDS.indexOf('a b')));
  await where.post('/v1/runs/again/retry', {});
  await eventually(async () => (await runOf(where, 'again')).retryCount === 1, 'it is retried');
  const rows = await readManifest('again');
  expect(rows).toHaveLength(IDS.length);
  expect(rows.filter((row) => row.image_key.includes('/retries/1/'))).toHaveLength(1);
  await expectImages(rows);

  await pixlakeJson(lake, 'delete', 'images', '--where', "id = 'plain'");
  await where.post('/v1/runs', spec);
  await eventually(async () => (await readManifest('again')).length === IDS.length - 1, 'it is run again');
  await expectImages(await readManifest('again'));
});
