import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson, pixlakeProcess, startPixlake } from '../support/pixlake.ts';
import { type FaultProxy, makeRandom, type SeenRequest, startFaultProxy } from './fault-proxy.ts';
import {
  contentOf,
  hasCeph,
  hasS3,
  killServer,
  must,
  outputOf,
  restartServer,
  testUri,
} from './s3-fixture.ts';

const ROWS = 90;
const RUN = ['run', '--name', 'made', '--sql', 'SELECT * FROM images', '--copies', '2', '--shard-size', '10'];

let source: string;
let proxy: FaultProxy;

beforeEach(async () => {
  source = await writePlainCatalogue(join(await makeTestFolder(), 'source'), ROWS);
  proxy = await startFaultProxy();
  vi.stubEnv('PIXLAKE_CACHE', await makeTestFolder());
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Ingests and runs on a new lake, with requests on the way through the proxy, and gives all that came of it. */
async function makeLake(): Promise<unknown> {
  const lake = await testUri();
  const endpoint = ['--endpoint-url', proxy.url];
  await must(lake, 'ingest', source, ...endpoint);
  await must(lake, ...RUN, ...endpoint);
  return [await contentOf(lake), await outputOf(lake, 'made')];
}

function share(part: number): () => boolean {
  const random = makeRandom(7);
  return () => random() < part;
}

test.skipIf(!hasS3).each<[string, () => FaultProxy['weather'], readonly string[]]>([
  [
    'three requests in ten answered by 503 SlowDown',
    () => {
      const fails = share(0.3);
      return () => (fails() ? { status: 503, code: 'SlowDown' } : undefined);
    },
    ['GET', 'PUT', 'HEAD'],
  ],
  ['half a second of latency', () => () => ({ delayMs: 500 }), ['GET', 'PUT']],
  [
    'bodies that are cut off half way',
    () => {
      const cuts = share(0.3);
      return ({ method }) => (method === 'GET' && cuts() ? { cutAt: 0.5 } : undefined);
    },
    ['GET'],
  ],
  [
    'writes whose answers are lost',
    () => {
      const loses = share(0.2);
      return ({ method }) => (method !== 'GET' && loses() ? { losesAnswer: true } : undefined);
    },
    ['PUT'],
  ],
])('%s change nothing of what is made', async (_, makeWeather, methods) => {
  const undisturbed = await makeLake();
  const weather = makeWeather();
  const hit = new Set<string>();
  proxy.weather = (seen: SeenRequest) => {
    const fault = weather(seen);
    if (fault !== undefined) hit.add(seen.method);
    return fault;
  };
  expect(await makeLake()).toEqual(undisturbed);
  expect([...hit]).toEqual(expect.arrayContaining([...methods]));
});

describe.skipIf(!hasCeph)('a server that is killed and back within 20 seconds', () => {
  test.each([
    ['an ingest', 'ingest', 30],
    ['a run', 'run', 60],
  ])('loses nothing of %s', async (_, verb, writes) => {
    const undisturbed = await makeLake();
    const lake = await testUri();
    const steps = [['ingest', source], RUN];
    for (const args of steps) {
      if (args[0] !== verb) {
        await must(lake, ...args);
        continue;
      }
      proxy.counts['PUT'] = 0;
      const child = startPixlake(lake, ...args, '--endpoint-url', proxy.url);
      const ended = once(child, 'exit');
      while ((proxy.counts['PUT'] ?? 0) < writes && child.exitCode === null) await sleep(2);
      expect(child.exitCode).toBeNull();
      killServer();
      await sleep(8000);
      restartServer();
      expect(await ended).toEqual([0, null]);
    }
    expect([await contentOf(lake), await outputOf(lake, 'made')]).toEqual(undisturbed);
    await must(lake, 'verify');
  });
});

test.skipIf(!hasS3)(
  'credentials that expire in mid-run stop the run, which goes on with new ones',
  async () => {
    const undisturbed = await makeLake();
    const lake = await testUri();
    await must(lake, 'ingest', source);
    const run = [...RUN, '--endpoint-url', proxy.url];
    let left = 150;
    proxy.weather = () => (left-- > 0 ? undefined : { status: 400, code: 'ExpiredToken' });
    const { code, stderr } = await pixlake(lake, ...run);
    expect(code).toBe(5);
    expect(stderr).toContain('[STORAGE_DENIED]');
    expect(stderr).toContain('expired');
    proxy.weather = () => undefined;
    const report = await pixlakeJson<{ resumedShardCount: number }>(lake, ...run);
    expect(report).toMatchObject({ outcome: 'finished', imageCount: 2 * ROWS, errorCount: 0 });
    expect(report.resumedShardCount).toBeGreaterThan(0);
    expect([await contentOf(lake), await outputOf(lake, 'made')]).toEqual(undisturbed);
  },
);

test.skipIf(!hasS3)('a server that stays away stops the work, and nothing is half done', async () => {
  const lake = await testUri();
  await must(lake, 'ingest', source);
  const before = await contentOf(lake);
  await writePlainCatalogue(source, 2 * ROWS);
  let left = 40;
  proxy.weather = () => (left-- > 0 ? undefined : { losesAnswer: true });
  const { code, stderr } = await pixlakeProcess(lake, 'ingest', source, '--endpoint-url', proxy.url);
  expect(code).toBe(5);
  expect(stderr).toContain('still trying');
  expect(stderr).toContain('[STORAGE_FAILED]');
  expect(stderr).toContain(lake);
  const after = await contentOf(lake);
  expect(after.images).toEqual(before.images);
  await must(lake, 'ingest', source);
  expect((await contentOf(lake)).images).toHaveLength(2 * ROWS);
  await must(lake, 'verify');
});
