import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { importBuilt } from '../api/server-fixture.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

test('serve answers with the limits that it is given until it is stopped, and says where', async () => {
  const { lake } = await makePlainLake(2);
  const { openLog } = await importBuilt<typeof import('../../src/config.ts')>('config.js');
  const { level } = openLog();
  vi.stubEnv('PIXLAKE_LOG_LEVEL', 'silent');
  openLog().level = 'silent';
  const port = await freePort();
  const limits = [
    '--query-slots',
    '1',
    '--max-rows',
    '3',
    '--query-timeout',
    '9s',
    '--query-memory',
    '800MB',
  ];
  const others = [
    '--requests-per-minute',
    '70',
    '--cors',
    'http://localhost:1',
    '--allow-output',
    `${lake}/out`,
  ];
  const serving = pixlake(lake, 'serve', '--port', String(port), ...limits, ...others);
  const url = `http://127.0.0.1:${port}`;
  const healthy = async (): Promise<number> => (await fetch(`${url}/healthz`)).status;
  await expect.poll(() => healthy().catch(() => 0)).toBe(200);
  const post = async (path: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', origin: 'http://localhost:1' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:1');
    expect(response.headers.get('x-ratelimit-limit')).toBe('70');
    return response.json();
  };
  expect(await post('/v1/query', { sql: 'FROM range(3)' })).toHaveLength(3);
  expect(await post('/v1/query', { sql: 'FROM range(4)' })).toMatchObject({ code: 'RESULT_TOO_LARGE' });
  const run = { name: 'r', sql: 'SELECT id FROM images', output: `${lake}/elsewhere` };
  expect(await post('/v1/runs', run)).toMatchObject({ code: 'SPEC_INVALID' });
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^pixlake_query_slots 1$/mu);
  // The signal comes from outside of the call, and so does what is said of it.
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  process.emit('SIGINT');
  expect(said.mock.calls.map(([text]) => String(text))).toEqual([expect.stringContaining('stopping')]);
  said.mockRestore();
  expect(await serving).toEqual({
    code: 0,
    stdout: `pixlake serves ${lake} at ${url} (see ${url}/docs)\n`,
    stderr: '',
  });
  await expect(healthy()).rejects.toThrow('fetch failed');
  expect(openLog().level).toBe('silent');
  openLog().level = level;
  vi.unstubAllEnvs();
});

test('serve names its options and where others may not reach it', async () => {
  const { code, stdout } = await pixlake('.', 'serve', '--help');
  expect(code).toBe(0);
  for (const option of ['--host <address>', '--port <n>', '--api-keys <file>', '--query-timeout <duration>'])
    expect(stdout).toContain(option);
  expect(stdout).toContain('Without --api-keys');
});

test.each([
  [['--port', 'any'], 2, 'whole number'],
  [['--query-timeout', '5'], 2, 'expected a duration'],
  [['--query-memory', 'much'], 2, 'expected a size'],
  [['--query-slots', '0'], 2, 'at least 1'],
  [['--requests-at-once', '0'], 2, 'at least 1'],
])('serve %j exits with %i before it listens', async (args, code, text) => {
  const lake = await makeTestFolder();
  expect(await pixlake(lake, 'serve', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
