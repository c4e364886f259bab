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
  const limits: unknown[] = [];
  const tables = {
    list: async () => [TABLE, { ...TABLE, name: 'runs.r', rowCount: undefined }],
    async describe(name: string) {
      if (name !== 'images') throw new PixlakeError('TABLE_NOT_FOUND', `no ${name}`);
      return { ...TABLE, columns: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] };
    },
    async history(name: string, limit: number) {
      limits.push([name, limit]);
      return [
        { ...VERSION, software: 'pixlake/1' },
        { ...VERSION, version: 2, software: undefined },
      ];
    },
  };
  const { server } = await serveStub({ lakehouse: { tables } });
  expect((await get(server, '/v1/tables')).body).toEqual([
    TABLE,
    { ...TABLE, name: 'runs.r', rowCount: null },
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
  expect((await get(server, history)).body).toEqual([
    { ...VERSION, software: 'pixlake/1' },
    { ...VERSION, version: 2, software: null },
  ]);
  expect((await get(server, `${history}?limit=10000`)).status).toBe(200);
  for (const limit of ['0', '10001', '1.5', 'x', '1&more=1'])
    expect((await get(server, `${history}?limit=${limit}`)).status, limit).toBe(400);
  expect(limits).toEqual([
    ['images', 100],
    ['images', 10_000],
  ]);
  await server[Symbol.asyncDispose]();
});
