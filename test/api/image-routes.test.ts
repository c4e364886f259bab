import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import type { Server } from '../../src/api/server.ts';
import { get, serveStub } from './stub-server.ts';

const BYTES = Buffer.from('0123456789');
const RUN_KEY = 'runs/r/run_id=0123456789abcdef/images/0f/00012/7.jpg';

let server: Server;
/** What the routes asked of the images of the lake. */
let asked: unknown[];
let format: string | null = 'jpeg';
let sha256: string | null = 'sha';
let isThere = true;
/** Ends what is being resized. */
let resized: (() => void)[] = [];

beforeAll(async () => {
  const images = {
    async find(table: string, id: string) {
      asked.push(['find', table, id]);
      if (id === 'none') throw new PixlakeError('IMAGE_MISSING', 'no image');
      return { key: 'originals/7', sha256, format };
    },
    stat: async (key: string) => (isThere ? { key, sizeBytes: BYTES.length, modifiedMs: 0 } : undefined),
    async read(key: string, range?: { start: number; length: number }) {
      asked.push(['read', key, range]);
      return range === undefined ? BYTES : BYTES.subarray(range.start, range.start + range.length);
    },
    async resize(bytes: Buffer, size: object) {
      asked.push(['resize', bytes.length, size]);
      if ('width' in size && size.width === 999)
        await new Promise<void>((resolve) => {
          resized.push(resolve);
        });
      return Buffer.from('small');
    },
  };
  ({ server } = await serveStub({ lakehouse: { images } }));
});

beforeEach(() => {
  [asked, format, sha256, isThere, resized] = [[], 'jpeg', 'sha', true, []];
});

afterAll(() => server[Symbol.asyncDispose]());

const URL = '/v1/tables/images/images/7';
const tag = (text: string): string => `"${Buffer.from(text).toString('base64url')}"`;

describe('the image of a row', () => {
  test.each([
    ['jpeg', 'image/jpeg'],
    ['png', 'image/png'],
    ['tiff', 'image/tiff'],
    ['svg', 'application/octet-stream'],
    [null, 'application/octet-stream'],
  ])('of the format %s is sent as %s', async (kind, type) => {
    format = kind;
    const { status, bytes, headers } = await get(server, URL);
    expect([status, bytes.toString(), headers['content-type']]).toEqual([200, BYTES.toString(), type]);
    expect(headers).toMatchObject({
      etag: tag('sha'),
      'cache-control': 'private, max-age=60',
      'accept-ranges': 'bytes',
    });
    expect(headers['content-disposition']).toBe(type.startsWith('image/') ? undefined : 'attachment');
    expect(asked).toEqual([
      ['find', 'images', '7'],
      ['read', 'originals/7', undefined],
    ]);
  });

  test('without a checksum is told apart by its key', async () => {
    sha256 = null;
    expect((await get(server, URL)).headers['etag']).toBe(tag('originals/7'));
  });

  test('is sent in part, unless the client holds another version of it', async () => {
    const part = await get(server, URL, { range: 'bytes=2-4' });
    expect([part.status, part.bytes.toString(), part.headers['content-range']]).toEqual([
      206,
      '234',
      'bytes 2-4/10',
    ]);
    const whole = await get(server, URL, { range: 'bytes=2-4', 'if-range': tag('other') });
    expect([whole.status, whole.bytes.length]).toEqual([200, 10]);
    expect((await get(server, URL, { range: 'bytes=10-' })).status).toBe(416);
  });

  test.each([
    [tag('sha'), 304],
    [` ${tag('x')} , W/${tag('sha')}`, 304],
    [' * ', 304],
    [tag('x'), 200],
    ['sha', 200],
    ['', 200],
  ])('is not sent to those who have it: %j', async (header, status) => {
    const response = await get(server, URL, { 'if-none-match': header });
    expect([response.status, response.bytes.length]).toEqual([status, status === 304 ? 0 : 10]);
    expect(response.headers['etag']).toBe(tag('sha'));
  });

  test.each([
    ['w=30', { width: 30, fit: 'inside' }, 'sha-30x-inside'],
    ['h=4096', { height: 4096, fit: 'inside' }, 'sha-x4096-inside'],
    ['w=1&h=2&fit=cover', { width: 1, height: 2, fit: 'cover' }, 'sha-1x2-cover'],
  ])('is resized by %s', async (query, size, etag) => {
    const { status, bytes, headers } = await get(server, `${URL}?${query}`);
    expect([status, bytes.toString(), headers['content-type'], headers['etag']]).toEqual([
      200,
      'small',
      'image/jpeg',
      tag(etag),
    ]);
    expect(asked.at(-1)).toEqual(['resize', 10, size]);
    expect(headers).not.toHaveProperty('accept-ranges');
  });

  test.each(['w=0', 'h=4097', 'w=1.5', 'fit=squash', 'x=1'])('is not resized by %s', async (query) => {
    expect(await get(server, `${URL}?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
    expect(asked).toEqual([]);
  });

  test('that is gone is missing', async () => {
    expect(await get(server, '/v1/tables/images/images/none')).toMatchObject({
      status: 404,
      body: { code: 'IMAGE_MISSING' },
    });
    isThere = false;
    for (const query of ['', '?w=3'])
      expect(await get(server, URL + query), query).toMatchObject({
        status: 404,
        body: { code: 'IMAGE_MISSING' },
      });
  });

  test('is resized for eight clients at once', async () => {
    const eight = Array.from({ length: 8 }, () => get(server, `${URL}?w=999`));
    await expect.poll(() => resized.length).toBe(8);
    expect(await get(server, `${URL}?w=5`)).toMatchObject({ status: 503, body: { code: 'SERVER_BUSY' } });
    for (const end of resized) end();
    expect((await Promise.all(eight)).map(({ status }) => status)).toEqual(eight.map(() => 200));
    expect((await get(server, `${URL}?w=5`)).status).toBe(200);
  });
});

describe('the image of a run', () => {
  test.each([
    ['jpg', 'image/jpeg'],
    ['webp', 'image/webp'],
    ['bin', 'application/octet-stream'],
  ])('that ends in %s is %s, and stays as it is', async (ending, type) => {
    const key = RUN_KEY.replace(/jpg$/u, ending);
    const { status, headers } = await get(server, `/v1/runs/r/images/${key}`);
    expect([status, headers['content-type'], headers['etag']]).toEqual([200, type, tag(key)]);
    expect(headers['cache-control']).toBe('private, max-age=31536000, immutable');
    expect(asked).toEqual([['read', key, undefined]]);
  });

  test.each([
    ['another run', '/v1/runs/q/images/', RUN_KEY],
    ['a file that is no image', '/v1/runs/r/images/', 'runs/r/run_id=0123456789abcdef/spec.json'],
    ['a part', '/v1/runs/r/images/', 'runs/r/run_id=0123456789abcdef/parts/00012.jpg'],
    ['a file of another folder', '/v1/runs/r/images/', `x/${RUN_KEY}`],
    ['a folder below', '/v1/runs/r/images/', `${RUN_KEY}/x.jpg`],
    ['a short id', '/v1/runs/r/images/', RUN_KEY.replace('0123456789abcdef', '0123')],
    ['a short shard', '/v1/runs/r/images/', RUN_KEY.replace('00012', '0001')],
    ['an odd folder', '/v1/runs/r/images/', RUN_KEY.replace('0f', '0g')],
    ['an original', '/v1/runs/r/images/', 'originals/images/7.jpg'],
  ])('is not %s', async (_what, path, key) => {
    expect(await get(server, path + key)).toMatchObject({
      status: 404,
      body: { code: 'IMAGE_MISSING', remedy: 'use an image_key of its manifest' },
    });
    expect(asked).toEqual([]);
  });
});
