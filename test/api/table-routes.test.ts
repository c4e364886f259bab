import { expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { get, serveStub } from './stub-server.ts';

const TABLE = {
  name: 'images',
  version: 3,
  rowCount: 5,
  fileCount: 2,
  sizeBytes: 100,
  partitionColumns: ['p'],
  isAttached: false,
};

const VERSION = {
  version: 3,
  timestamp: '2020-01-01T00:00:00.000Z',
  operation: 'WRITE',
  parameters: { a: 1 },
  metrics: {},
};

test('tables are listed, described and followed through their versions', async () => {
  const asked: unknown[] = [];
  const tables = {
    async list(spec: unknown) {
      asked.push(spec);
      return [TABLE, { ...TABLE, name: 'runs.r', rowCount: undefined }];
    },
    async describe(name: string) {
      if (name !== 'images') throw new PixlakeError('TABLE_NOT_FOUND', `no ${name}`);
      return { ...TABLE, columns: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] };
    },
    async history(name: string, limit: number, before: number | undefined) {
      asked.push([name, limit, before]);
      return [
        { ...VERSION, software: 'pixlake/1' },
        { ...VERSION, version: 2, software: undefined },
      ];
    },
  };
  const { server } = await serveStub({ lakehouse: { tables } });
  expect((await get(server, '/v1/tables')).body).toEqual({
    items: [TABLE, { ...TABLE, name: 'runs.r', rowCount: null }],
    next: null,
  });
  await get(server, '/v1/tables?schema=main&name=im&limit=1000');
  await get(server, '/v1/tables?schema=runs');
  expect(asked.splice(0)).toEqual([
    { prefix: undefined, after: undefined, limit: 101 },
    { schema: '', prefix: 'im', after: undefined, limit: 1001 },
    { schema: 'runs', prefix: undefined, after: undefined, limit: 101 },
  ]);
  expect((await get(server, '/v1/tables/images')).body).toEqual({
    ...TABLE,
    columns: [{ name: 'id', type: 'long' }],
  });
  expect(await get(server, '/v1/tables/none')).toMatchObject({
    status: 404,
    body: { code: 'TABLE_NOT_FOUND' },
  });
  const history = '/v1/tables/images/history';
  expect((await get(server, history)).body).toEqual({
    items: [
      { ...VERSION, software: 'pixlake/1' },
      { ...VERSION, version: 2, software: null },
    ],
    next: null,
  });
  const { body } = await get(server, `${history}?limit=1`);
  const { items, next } = body as { items: object[]; next: string };
  expect(items).toHaveLength(1);
  expect((await get(server, `${history}?limit=1000&cursor=${next}`)).status).toBe(200);
  for (const limit of ['0', '1001', '1.5', 'x', '1&more=1'])
    expect((await get(server, `${history}?limit=${limit}`)).status, limit).toBe(400);
  expect(asked).toEqual([
    ['images', 101, undefined],
    ['images', 2, undefined],
    ['images', 1001, 3],
  ]);
  await server[Symbol.asyncDispose]();
});

test('the history of a table names no place', async () => {
  const { version: _version, ...made } = VERSION;
  const history = async (): Promise<object[]> => [
    { ...made, version: 5, parameters: { source: '../me/catalogue/styles.csv', mode: 'Append' } },
    { ...made, version: 4, parameters: { source: 's3://me:secret@bucket/x/styles.csv' } },
    { ...made, version: 3, parameters: { source: 7, path: '/home/me/my data', list: ['/a/b'] } },
    { ...made, version: 2, parameters: { predicate: '["path = \'/srv/my lake/x\'"]' } },
    { ...made, version: 1, parameters: {}, metrics: { log: 'wrote /srv/my lake/tables', rows: '5' } },
  ];
  const { server } = await serveStub({ lakehouse: { tables: { history } } });
  const { body } = await get(server, '/v1/tables/images/history');
  const { items } = body as { items: { parameters: object; metrics: object }[] };
  expect(items.map(({ parameters }) => parameters)).toEqual([
    { source: 'styles.csv', mode: 'Append' },
    { source: 'styles.csv' },
    { source: 7, path: 'my data', list: ['b'] },
    { predicate: '["path = \'<path>\'"]' },
    {},
  ]);
  expect(items.at(-1)?.metrics).toEqual({ log: 'wrote <path>', rows: '5' });
  await server[Symbol.asyncDispose]();
});
