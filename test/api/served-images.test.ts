import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { problemOf, useEmbeddedServer } from './server-fixture.ts';

const server = useEmbeddedServer(20);

const PATH = '/v1/tables/images/images/7';

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

describe('GET /v1/tables/{table}/images/{id}', () => {
  test('gives the original as it came in, with what caches need', async () => {
    const response = await server.current.get(PATH);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    const original = await readFile(join(server.lake, 'originals/images/7.jpg'));
    expect((await bytesOf(response)).equals(original)).toBe(true);
    const etag = response.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]+"$/u);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await server.current.get(PATH, { 'if-none-match': tag });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
    }
    expect((await server.current.get(PATH, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=10-', 206, 10, undefined],
    ['bytes=-5', 206, -5, undefined],
    ['bytes=5-999999', 206, 5, undefined],
    ['bytes=0-1,4-5', 200, 0, undefined],
    ['lines=0-9', 200, 0, undefined],
    ['bytes=9-3', 200, 0, undefined],
  ])('serves the range %s', async (range, status, start, end) => {
    const original = await readFile(join(server.lake, 'originals/images/7.jpg'));
    const response = await server.current.get(PATH, { range });
    expect(response.status).toBe(status);
    const expected = original.subarray(start < 0 ? original.length + start : start, end);
    expect((await bytesOf(response)).equals(expected)).toBe(true);
    if (status === 206) {
      const first = start < 0 ? original.length + start : start;
      const last = first + expected.length - 1;
      expect(response.headers.get('content-range')).toBe(`bytes ${first}-${last}/${original.length}`);
    }
  });

  test('a range beyond the end is a 416', async () => {
    const response = await server.current.get(PATH, { range: 'bytes=999999-' });
    expect(await problemOf(response)).toMatchObject({ status: 416, code: 'RANGE_INVALID' });
  });

  test.each([
    ['w=30', 30, 40],
    ['h=160', 120, 160],
    ['w=50&h=50', 38, 50],
    ['w=50&h=50&fit=cover', 50, 50],
    ['w=50&h=50&fit=contain', 50, 50],
  ])('resizes by %s', async (query, width, height) => {
    const response = await server.current.get(`${PATH}?${query}`);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(await sharp(await bytesOf(response)).metadata()).toMatchObject({ format: 'jpeg', width, height });
  });

  test('each size has its own ETag', async () => {
    const queries = ['w=30', 'h=160', 'w=50&h=50', 'w=50&h=50&fit=cover', 'w=50&h=50&fit=contain', ''];
    const tags = await Promise.all(
      queries.map(async (query) => (await server.current.get(`${PATH}?${query}`)).headers.get('etag')),
    );
    expect(tags).not.toContain(null);
    expect(new Set(tags).size).toBe(6);
  });

  test.each([
    ['w=0', 400, 'REQUEST_INVALID'],
    ['w=100000', 400, 'REQUEST_INVALID'],
    ['w=abc', 400, 'REQUEST_INVALID'],
    ['fit=squash', 400, 'REQUEST_INVALID'],
    ['size=3', 400, 'REQUEST_INVALID'],
  ])('refuses %s', async (query, status, code) => {
    expect(await problemOf(await server.current.get(`${PATH}?${query}`))).toMatchObject({ status, code });
  });

  test.each([
    ['images', '99999', 'IMAGE_MISSING'],
    ['images', 'abc', 'IMAGE_MISSING'],
    ['images', `1' OR '1'='1`, 'IMAGE_MISSING'],
    ['images', '1 OR 1=1', 'IMAGE_MISSING'],
    ['images', '../../../etc/passwd', 'IMAGE_MISSING'],
    ['images', '1'.repeat(400), 'IMAGE_MISSING'],
    ['nope', '1', 'TABLE_NOT_FOUND'],
    ['../images', '1', 'TABLE_NOT_FOUND'],
    ['images" --', '1', 'TABLE_NOT_FOUND'],
    ['information_schema.tables', '1', 'TABLE_NOT_FOUND'],
  ])('finds nothing for table %s and id %s', async (table, id, code) => {
    const path = `/v1/tables/${encodeURIComponent(table)}/images/${encodeURIComponent(id)}`;
    expect(await problemOf(await server.current.get(path))).toMatchObject({ status: 404, code });
  });
});

describe('GET /v1/tables', () => {
  test('lists, describes and tells the history of tables', async () => {
    expect(await (await server.current.get('/v1/tables')).json()).toMatchObject({
      items: [{ name: 'images', version: 0, rowCount: 20, isAttached: false }],
      next: null,
    });
    const table = (await (await server.current.get('/v1/tables/images')).json()) as {
      columns: { name: string; type: string }[];
    };
    expect(table.columns).toContainEqual({ name: 'year', type: 'integer' });
    const history = await (await server.current.get('/v1/tables/images/history?limit=5')).json();
    expect(history).toMatchObject({
      items: [{ version: 0, operation: expect.any(String) as string, parameters: { source: 'styles.csv' } }],
    });
    expect(await problemOf(await server.current.get('/v1/tables/nope'))).toMatchObject({
      code: 'TABLE_NOT_FOUND',
    });
    expect(await problemOf(await server.current.get('/v1/tables/images/history?limit=x'))).toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  test('ETags are those of the bytes', async () => {
    const response = await server.current.get(PATH);
    const sha256 = createHash('sha256')
      .update(await bytesOf(response))
      .digest('hex');
    const etag = Buffer.from(
      (response.headers.get('etag') ?? '').replaceAll('"', ''),
      'base64url',
    ).toString();
    expect(etag).toBe(sha256);
  });
});
