import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { importBuilt } from './server-fixture.ts';

test('the server can be embedded: it answers without a port, and leaves the lakehouse open', async () => {
  const { openLakehouse } = await importBuilt<typeof import('../../src/index.ts')>('index.js');
  const { createServer } = await importBuilt<typeof import('../../src/api/server.ts')>('api/server.js');
  const folder = await makeTestFolder();
  await writePlainCatalogue(join(folder, 'source'), 3);
  await using lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  await lakehouse.ingest({ source: join(folder, 'source') });
  {
    await using server = await createServer(lakehouse, { limits: { slots: 1 } });
    const ask = async (sql: string): Promise<unknown> =>
      (await server.app.inject({ method: 'POST', url: '/v1/query', payload: { sql } })).json();
    expect(await ask('SELECT count(*) AS n FROM images')).toEqual([{ n: 3 }]);
    await expect(server.listen({ host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    });
    const { url, recovered } = await server.listen({ host: '127.0.0.1', port: 0 });
    expect(recovered).toEqual([]);
    expect((await fetch(`${url}/v1/tables`)).status).toBe(200);
  }
  await using rows = await lakehouse.query('SELECT count(*) AS n FROM images');
  expect(await rows.toArray()).toEqual([{ n: 3 }]);
});
