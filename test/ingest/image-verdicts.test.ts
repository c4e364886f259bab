import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { openLakehouse, type Lakehouse } from '../../src/lakehouse.ts';
import { csvLine, drawJpeg, writeCatalogue, writePlainCatalogue } from '../support/catalogue.ts';
import { drawNoise } from '../support/draw-images.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

async function open(): Promise<{ lakehouse: Lakehouse; source: string; lake: string; folder: string }> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  return { lakehouse: openLakehouse({ lake }), folder, source: join(folder, 'source'), lake };
}

async function propertiesOf(lake: string): Promise<Record<string, string>> {
  const folder = join(lake, 'tables/images/_delta_log');
  let configuration: Record<string, string> = {};
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.json')).sort()) {
    const lines = (await readFile(join(folder, name), 'utf8')).trim().split('\n');
    for (const line of lines) {
      const { metaData } = JSON.parse(line) as { metaData?: { configuration: Record<string, string> } };
      if (metaData !== undefined) ({ configuration } = metaData);
    }
  }
  return configuration;
}

/** Makes a table with one data file what it was before columns were added to it: its schema and its file lack them. */
async function takeColumnsOut(lake: string, folder: string, names: readonly string[]): Promise<void> {
  const table = join(lake, 'tables/images');
  const log = join(table, '_delta_log/00000000000000000000.json');
  using db = await openDuckDb({ scratchDir: folder });
  const actions = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const action of actions) {
    delete action.commitInfo?.actionsSha256;
    if (action.add !== undefined) {
      const path = join(table, decodeURIComponent(action.add.path));
      await db.run(
        `COPY (SELECT * EXCLUDE (${names.join(', ')}) FROM read_parquet('${path}', hive_partitioning = false)) TO '${path}.old' (FORMAT parquet)`,
      );
      await writeFile(path, await readFile(`${path}.old`));
      await rm(`${path}.old`);
      action.add.size = (await stat(path)).size;
      const stats = JSON.parse(action.add.stats) as Record<string, Record<string, unknown>>;
      for (const bounds of Object.values(stats)) for (const name of names) delete bounds[name];
      action.add.stats = JSON.stringify(stats);
    }
    if (action.metaData === undefined) continue;
    const schema = JSON.parse(action.metaData.schemaString) as { fields: { name: string }[] };
    schema.fields = schema.fields.filter(({ name }) => !names.includes(name));
    action.metaData.schemaString = JSON.stringify(schema);
  }
  await writeFile(log, `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`);
}

test('frames and bits are columns', async () => {
  const { lakehouse, source } = await open();
  const deep = await drawNoise().toColourspace('rgb16').png().toBuffer();
  await writeCatalogue(source, [csvLine({ id: 1 }), csvLine({ id: 2 }), csvLine({ id: 3 })], {
    '1.jpg': await drawJpeg(1),
    '2.png': deep,
    '3.jpg': Buffer.from('<html></html>'),
  });
  await lakehouse.ingest({ source });
  expect(await rowsOf(lakehouse, 'SELECT image_frames, image_bit_depth FROM images ORDER BY id')).toEqual([
    [1, 8],
    [1, 16],
    [null, null],
  ]);
});

test('an older table gains the columns, null in rows whose image is the same, and no row counts as changed', async () => {
  const { lakehouse, source, lake, folder } = await open();
  await writePlainCatalogue(source, 3);
  await writeFile(join(source, 'images/3.jpg'), (await drawJpeg(3)).subarray(0, 500));
  const images = ['--partition-by', 'gender'];
  expect(await pixlakeJson(lake, 'ingest', source, ...images)).toMatchObject({ addedCount: 3, version: 0 });
  await takeColumnsOut(lake, folder, ['image_frames', 'image_bit_depth']);
  const report = { addedCount: 0, changedCount: 0, unchangedCount: 3, version: 1 };
  const newColumns = ['image_frames', 'image_bit_depth'];
  expect(await lakehouse.ingest({ source })).toMatchObject({ ...report, newColumns, isCommitted: true });
  expect(await lakehouse.ingest({ source })).toMatchObject({ ...report, newColumns: [], isCommitted: false });
  const facts = 'SELECT image_frames, image_bit_depth, image_status FROM images ORDER BY id';
  expect(await rowsOf(lakehouse, facts)).toEqual([
    [null, null, 'ok'],
    [null, null, 'ok'],
    [null, null, 'corrupt'],
  ]);
  await writeFile(join(source, 'images/2.jpg'), await drawJpeg(7));
  expect(await lakehouse.ingest({ source })).toMatchObject({ changedCount: 1, unchangedCount: 2 });
  expect((await rowsOf(lakehouse, facts))[1]).toEqual([1, 8, 'ok']);
});

test('limits are recorded with the table, hold for later ingests, and new ones are applied to known images', async () => {
  const { lakehouse, source, lake } = await open();
  await writeCatalogue(source, [csvLine({ id: 1 }), csvLine({ id: 2 })], {
    '1.jpg': await drawJpeg(1, 60, 80),
    '2.jpg': await drawJpeg(2, 100, 100),
  });
  const statuses = 'SELECT image_status, image_reason FROM images ORDER BY id';
  const limit = 'JPEG of 100 x 100 pixels: more than the limit of 5,000 pixels';
  await pixlakeJson(lake, 'ingest', source, '--max-pixels', '5000', '--max-image-memory', '512MB');
  expect(await rowsOf(lakehouse, statuses)).toEqual([
    ['ok', null],
    ['too_large', limit],
  ]);
  expect(await propertiesOf(lake)).toMatchObject({
    'pixlake.maxPixels': '5000',
    'pixlake.maxImageMemory': String(512 * 1024 ** 2),
    'pixlake.sortBy': expect.stringContaining('id'),
  });
  expect(await lakehouse.ingest({ source })).toMatchObject({ isCommitted: false });
  expect(await lakehouse.ingest({ source, maxPixels: 10_000 })).toMatchObject({
    changedCount: 1,
    version: 1,
  });
  expect(await rowsOf(lakehouse, statuses)).toEqual([
    ['ok', null],
    ['ok', null],
  ]);
  expect(await lakehouse.ingest({ source, maxPixels: 4000 })).toMatchObject({ changedCount: 2, version: 2 });
  // A limit that changes no verdict is recorded all the same.
  expect(await lakehouse.ingest({ source, maxPixels: 4001 })).toMatchObject({ changedCount: 2, version: 3 });
  expect(await propertiesOf(lake)).toMatchObject({ 'pixlake.maxPixels': '4001' });
  const invalid = lakehouse.ingest({ source, maxPixels: 0.5 });
  await expect(invalid).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
});

test('an image that was refused is looked at again, and written once', async () => {
  const { lakehouse, source, lake } = await open();
  await writeCatalogue(source, [csvLine({ id: 1 })], { '1.jpg': Buffer.from('<html>404</html>') });
  expect(await lakehouse.ingest({ source })).toMatchObject({ imageStatusCounts: { unsupported: 1 } });
  expect(await lakehouse.ingest({ source })).toMatchObject({ storedBytes: 0, isCommitted: false });
  expect(await readdir(join(lake, 'originals/images'))).toEqual(['1.jpg']);
});

test.each(['folder', 'tar'])(
  'any file that a row names is looked at, whatever its ending: %s',
  async (kind) => {
    const { lakehouse, folder } = await open();
    const image = await drawJpeg(4);
    const names = ['a.jfif', 'b.jpe', 'C.JPG', 'noending', 'deep/d.photo.v2', 'e.bmp', 'f.txt'];
    const files = Object.fromEntries(
      names.map((name) => [name, name === 'f.txt' ? Buffer.from('text') : image]),
    );
    const images = join(folder, 'pictures');
    await writeFiles(images, files);
    const csv = join(folder, 'list.csv');
    await writeFile(csv, ['id,file', ...names.map((name, index) => `${index},${name}`)].join('\n'));
    const source = kind === 'tar' ? `${images}.tar` : images;
    if (kind === 'tar') await packFiles(source, files);
    const report = await lakehouse.ingest({ source: csv, images: source, imageColumn: 'file' });
    expect(report).toMatchObject({
      ingestedCount: 7,
      withoutImageCount: 0,
      imageStatusCounts: { ok: 6, unsupported: 1 },
    });
    const rows = await rowsOf(lakehouse, 'SELECT file, image_key, image_reason FROM images ORDER BY id');
    expect(rows.map(([, key]) => key)).toEqual(
      names.map((name, index) => `originals/images/${index}.${name === 'f.txt' ? 'txt' : 'jpg'}`),
    );
    expect(rows.at(-1)).toEqual(['f.txt', 'originals/images/6.txt', 'a text file, not an image']);
  },
);

test('errors of a run are equal byte for byte, whatever fails beside', async () => {
  const { source, lake } = await open();
  const cut = async (image: Promise<Buffer>): Promise<Buffer> => {
    const bytes = await image;
    return bytes.subarray(0, Math.floor(bytes.length * 0.6));
  };
  const lab = await drawNoise().tiff({ compression: 'lzw' }).toBuffer();
  lab.writeUInt16LE(8, lab.indexOf(Buffer.from([6, 1, 3, 0])) + 8);
  const damaged = [
    ['jpg', await cut(drawNoise().jpeg().toBuffer())],
    ['png', await cut(drawNoise().png().toBuffer())],
    ['tif', lab],
    ['webp', await cut(drawNoise().webp().toBuffer())],
  ] as const;
  const ids = Array.from({ length: 4 * 30 }, (_, id) => id);
  const images = ids.map((id) => {
    const [ending, bytes] = damaged[id % 4] ?? damaged[0];
    return [`${id}.${ending}`, bytes] as const;
  });
  const plain = await drawJpeg(1);
  await writeCatalogue(source, [...ids.map((id) => csvLine({ id })), csvLine({ id: 900 })], {
    ...Object.fromEntries(images),
    '900.jpg': plain,
  });
  await pixlakeJson(lake, 'ingest', source);
  const reasons = await pixlakeJson<{ image_reason: string; count: number }[]>(
    lake,
    'query',
    "SELECT image_reason, count(*) AS count FROM images WHERE image_status <> 'ok' GROUP BY 1 ORDER BY 1",
  );
  expect(reasons.map(({ count }) => count)).toEqual([30, 30, 30, 30]);
  const errors = async (name: string, workers: string): Promise<Buffer[]> => {
    const sql = 'SELECT id FROM images';
    const { code } = await pixlake(
      lake,
      'run',
      '--name',
      name,
      '--sql',
      sql,
      '--crop',
      '0',
      '--shard-size',
      '20',
      '--workers',
      workers,
    );
    expect(code).toBe(0);
    const folder = join(lake, 'runs', name);
    const files = (await readdir(folder, { recursive: true })).filter((file) =>
      /errors\/[^/]+\.parquet$/u.test(file),
    );
    return Promise.all(files.sort().map(async (file) => readFile(join(folder, file))));
  };
  const [first, second] = [await errors('one', '2'), await errors('two', '1')];
  expect(first.length).toBeGreaterThan(4);
  expect(second.map((bytes) => bytes.toString('base64'))).toEqual(
    first.map((bytes) => bytes.toString('base64')),
  );
  const messages = await pixlakeJson<{ message: string }[]>(lake, 'runs', 'errors', 'one');
  expect(messages.length).toBeGreaterThan(0);
  const known = new Set(reasons.map(({ image_reason }) => image_reason));
  expect(messages.filter(({ message }) => !known.has(message))).toEqual([]);
});

async function writeFiles(folder: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  await mkdir(join(folder, 'deep'), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
}

async function packFiles(path: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  const archive = pack();
  for (const [name, bytes] of Object.entries(files)) archive.entry({ name }, bytes);
  archive.finalize();
  await pipeline(archive, createWriteStream(path));
}
