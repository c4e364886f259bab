import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Server } from '../../src/api/server.ts';
import { get, serveStub } from './stub-server.ts';

interface Page {
  readonly items: readonly { readonly name: string }[];
  readonly next: string | null;
}

const names = ['a', 'b', 'c', 'd', 'e'];
let known = names;
let server: Server;

beforeAll(async () => {
  const list = async (): Promise<object[]> =>
    known.map((name) => ({ name, description: '', isTrained: true, isBuiltIn: false, card: undefined }));
  ({ server } = await serveStub({ lakehouse: { models: { list } } }));
});

afterAll(() => server[Symbol.asyncDispose]());

async function pageOf(url: string): Promise<{ names: string; next: string | null; link: unknown }> {
  const { status, body, headers } = await get(server, url);
  expect(status, JSON.stringify(body)).toBe(200);
  const { items, next } = body as Page;
  return { names: items.map(({ name }) => name).join(''), next, link: headers['link'] };
}

const linkOf = ({ link }: { readonly link: unknown }): string =>
  /^<(?<url>[^>]+)>; rel="next"$/u.exec(String(link))?.groups?.['url'] ?? '';

describe('a list', () => {
  test('comes in pages, whose Link header leads to the next one', async () => {
    const first = await pageOf('/v1/models?limit=2');
    const second = await pageOf(linkOf(first));
    const third = await pageOf(linkOf(second));
    expect([first, second, third].map((page) => page.names)).toEqual(['ab', 'cd', 'e']);
    expect(linkOf(first)).toBe(`/v1/models?limit=2&cursor=${first.next}`);
    expect([third.next, third.link]).toEqual([null, undefined]);
  });

  test.each([
    ['/v1/models', 'abcde'],
    ['/v1/models?limit=5', 'abcde'],
    ['/v1/models?limit=1000', 'abcde'],
  ])('that ends with a page has no other: %s', async (url, all) => {
    expect(await pageOf(url)).toEqual({ names: all, next: null, link: undefined });
  });

  test('neither repeats nor skips an item while others come and go', async () => {
    const { next } = await pageOf('/v1/models?limit=2');
    known = ['a', 'aa', 'c', 'd', 'dd', 'e'];
    expect(await pageOf(`/v1/models?limit=3&cursor=${next}`)).toMatchObject({ names: 'cddd' });
    known = names;
  });

  test.each([
    ['', '{"a":1}'],
    ['no JSON', 'x'],
    ['another list', JSON.stringify(['tables', 'b'])],
    ['another place', JSON.stringify(['models', 7])],
    ['no place', JSON.stringify(['models'])],
    ['more than a place', JSON.stringify(['models', 'b', 'c'])],
  ])('refuses a cursor that holds %s', async (_what, content) => {
    const cursor = Buffer.from(content).toString('base64url');
    for (const text of [cursor, content])
      expect(await get(server, `/v1/models?cursor=${encodeURIComponent(text)}`)).toMatchObject({
        status: 400,
        body: { code: 'CURSOR_INVALID', remedy: expect.stringContaining('leave the cursor out') },
      });
  });

  test.each([
    'limit=0',
    'limit=1001',
    'limit=1.5',
    'limit=x',
    'limit=',
    'cursor=',
    'page=2',
    'limit=1&limit=2',
  ])('refuses %s', async (query) => {
    expect(await get(server, `/v1/models?${query}`)).toMatchObject({ status: 400 });
  });
});
