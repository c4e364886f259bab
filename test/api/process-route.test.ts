import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { fromBuffer, type ZipFile } from 'yauzl';
import { drawJpeg } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';
import { bytesOf, sendTo } from './send-images.ts';
import { problemOf, useEmbeddedServer } from './server-fixture.ts';

const server = useEmbeddedServer(20);

interface Processed {
  readonly id: string;
  readonly copy: number;
  readonly image: {
    readonly width: number;
    readonly height: number;
    readonly drawn: Record<string, number>;
  } | null;
  readonly predictions: readonly {
    readonly column: string;
    readonly labels?: string[];
    readonly scores?: number[];
    readonly values?: number[];
  }[];
  readonly error: { readonly code: string } | null;
}

const { upload, uploadForm } = sendTo(server);

async function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const archive = await (promisify(fromBuffer) as (bytes: Buffer, options: object) => Promise<ZipFile>)(
    bytes,
    { lazyEntries: false },
  );
  const entries = new Map<string, Promise<Buffer>>();
  archive.on('entry', (entry: { fileName: string }) => {
    const read = new Promise<Buffer>((resolve, reject) => {
      archive.openReadStream(entry as never, (error, stream) => {
        if (error !== null) return reject(error);
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts)));
      });
    });
    entries.set(entry.fileName, read);
  });
  await new Promise((resolve) => archive.once('end', resolve));
  return new Map(await Promise.all([...entries].map(async ([name, read]) => [name, await read] as const)));
}

describe('POST /v1/process', () => {
  test('makes one image of one image', async () => {
    const response = await upload(await drawJpeg(3), '?size=64&format=webp&crop=0');
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(await sharp(await bytesOf(response)).metadata()).toMatchObject({
      format: 'webp',
      width: 64,
      height: 64,
    });
  });

  test('makes just what a run makes of the same id, seed and copy', async () => {
    await pixlakeJson(
      server.lake,
      'run',
      '--name',
      'one',
      '--sql',
      'SELECT id FROM images WHERE id = 5',
      '--copies',
      '2',
      '--seed',
      '9',
      '--size',
      '96',
      '--flip',
      '0.5',
      '--rotate',
      '10',
    );
    const manifest = await pixlakeJson<{ image_key: string; crop_left: number }[]>(
      server.lake,
      'query',
      'SELECT * FROM runs.one ORDER BY copy',
    );
    const spec = { seed: 9, copies: 2, transform: { size: 96, flip: 0.5, rotate: 10 } };
    const original = await readFile(join(server.lake, 'originals/images/5.jpg'));
    const byName = await server.current.post(
      '/v1/process',
      { table: 'images', ids: [5], ...spec },
      { accept: 'application/zip' },
    );
    const byUpload = await uploadForm({ '5.jpg': original }, spec);
    expect(manifest).toHaveLength(2);
    for (const response of [byName, byUpload]) {
      expect(response.headers.get('content-type')).toBe('application/zip');
      const files = await unzip(await bytesOf(response));
      expect([...files.keys()]).toEqual(['000-5-0.jpg', '001-5-1.jpg', 'manifest.json']);
      for (const [copy, row] of manifest.entries()) {
        const made = files.get(`00${copy}-5-${copy}.jpg`);
        expect(made?.equals(await readFile(join(server.lake, row.image_key)))).toBe(true);
      }
      const rows = JSON.parse(files.get('manifest.json')?.toString() ?? '') as Processed[];
      expect(rows.map(({ image }) => image?.drawn['cropLeft'])).toEqual(manifest.map((row) => row.crop_left));
    }
  });

  test('labels with a model, as JSON', async () => {
    const response = await upload(await drawJpeg(3), '?model=fashion-tiny&size=80', {
      accept: 'application/json',
    });
    const [result] = (await response.json()) as Processed[];
    const heads = result?.predictions ?? [];
    expect(heads.filter(({ labels }) => labels !== undefined).length).toBeGreaterThan(3);
    for (const { labels, scores } of heads.filter((head) => head.labels !== undefined))
      expect(scores).toHaveLength(labels?.length ?? 0);
    expect(heads.some(({ values }) => (values?.length ?? 0) > 8)).toBe(true);
  });

  test('a bad image among good ones is a result with its error', async () => {
    const good = await drawJpeg(1);
    const response = await uploadForm(
      {
        'a.jpg': good,
        'cut.jpg': good.subarray(0, good.length / 2),
        'text.jpg': Buffer.from('no image'),
        'empty.jpg': Buffer.alloc(0),
      },
      { transform: { size: 16 } },
      { accept: 'application/json' },
    );
    const results = (await response.json()) as Processed[];
    expect(results.map(({ id, error }) => [id, error?.code])).toEqual([
      ['a', undefined],
      ['cut', 'IMAGE_CORRUPT'],
      ['text', 'IMAGE_UNSUPPORTED'],
      ['empty', 'IMAGE_EMPTY'],
    ]);
  });

  test('ids that there are not are results with their errors', async () => {
    const response = await server.current.post(
      '/v1/process',
      { table: 'images', ids: [1, 'nope', 999] },
      { accept: 'application/json' },
    );
    const results = (await response.json()) as Processed[];
    expect(results.map(({ id, error }) => [id, error?.code])).toEqual([
      ['1', undefined],
      ['nope', 'IMAGE_MISSING'],
      ['999', 'IMAGE_MISSING'],
    ]);
  });

  test('file names cannot climb out of the zip', async () => {
    const response = await uploadForm({
      '../../etc/cron.d/x.jpg': await drawJpeg(1),
      'C:\\evil.jpg': await drawJpeg(2),
    });
    const names = [...(await unzip(await bytesOf(response))).keys()];
    expect(names).toHaveLength(3);
    for (const name of names) expect(name).toMatch(/^[\w-]+\.(?:jpg|json)$/u);
  });

  test.each([
    ['a cut image', async () => upload((await drawJpeg(1)).subarray(0, 300)), 422, 'IMAGE_CORRUPT'],
    ['text', async () => upload(Buffer.from('hello')), 415, 'IMAGE_UNSUPPORTED'],
    [
      'an SVG',
      async () => upload(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
      415,
      'IMAGE_UNSUPPORTED',
    ],
    ['nothing', async () => upload(Buffer.alloc(0)), 400, 'REQUEST_INVALID'],
    ['no body at all', async () => server.current.post('/v1/process', undefined), 400, 'REQUEST_INVALID'],
    ['a decompression bomb', async () => upload(bomb()), 413, 'IMAGE_TOO_LARGE'],
    [
      'an HTML page',
      async () => upload(Buffer.from('<html>'), '', { 'content-type': 'text/html' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    ['a size that is none', async () => upload(await drawJpeg(1), '?size=-4'), 400, 'REQUEST_INVALID'],
    ['an unknown parameter', async () => upload(await drawJpeg(1), '?colour=red'), 400, 'REQUEST_INVALID'],
    ['an unknown model', async () => upload(await drawJpeg(1), '?model=nope'), 404, 'MODEL_NOT_FOUND'],
    ['a model by path', async () => upload(await drawJpeg(1), '?model=../../x.onnx'), 400, 'SPEC_INVALID'],
    ['too many copies', async () => upload(await drawJpeg(1), '?copies=17'), 400, 'SPEC_INVALID'],
    ['a form without files', async () => uploadForm({}, {}), 400, 'REQUEST_INVALID'],
    [
      'a spec that is not JSON',
      async () => uploadForm({ 'a.jpg': await drawJpeg(1) }, '{'),
      400,
      'SPEC_INVALID',
    ],
    [
      'a spec with unknown fields',
      async () => uploadForm({ 'a.jpg': await drawJpeg(1) }, { nope: 1 }),
      400,
      'SPEC_INVALID',
    ],
    [
      'too many files',
      async () =>
        uploadForm(Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`${i}.jpg`, Buffer.from('x')]))),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'too many ids',
      async () =>
        server.current.post('/v1/process', { table: 'images', ids: Array.from({ length: 70 }, (_, i) => i) }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'no ids',
      async () => server.current.post('/v1/process', { table: 'images', ids: [] }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'an unknown table',
      async () => server.current.post('/v1/process', { table: 'nope', ids: [1] }),
      404,
      'TABLE_NOT_FOUND',
    ],
  ])('refuses %s', async (_name, send, status, code) => {
    expect(await problemOf(await send())).toMatchObject({ status, code });
  });

  test('a polyglot is taken for the image that it is, and nothing else of it comes out', async () => {
    const polyglot = Buffer.concat([
      await drawJpeg(1),
      Buffer.from('<script>alert(1)</script>PK\u0003\u0004'),
    ]);
    const response = await upload(polyglot, '?size=16');
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await bytesOf(response)).includes('script')).toBe(false);
  });

  test('a form that is cut off or malformed is refused', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const bodies = [
      '--x\r\ncontent-disposition: form-data; name="a"; filename="a.jpg"\r\n\r\nabc',
      'not a form at all',
      '--x--\r\n',
      '',
    ];
    for (const body of bodies) {
      const response = await fetch(`${server.current.url}/v1/process`, { method: 'POST', headers, body });
      expect(response.status, `${body}: ${await text(response.body as never)}`).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    }
  });
});

/** A PNG of a few bytes that claims 30,000 by 30,000 pixels. */
function bomb(): Buffer {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
    'base64',
  );
  png.writeUInt32BE(30_000, 16);
  png.writeUInt32BE(30_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}
