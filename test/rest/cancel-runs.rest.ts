import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { eventually, problemOf, startServer, type TestServer } from '../api/server-fixture.ts';

interface RunResource {
  readonly id: string;
  readonly state: string;
  readonly imageCount: number;
  readonly spec: Readonly<Record<string, unknown>>;
}

const ROWS = 40;

/** Takes long enough for a run to be caught in the middle, and for a server to see that another one cancelled it. */
const SPEC = {
  name: 'slow',
  sql: 'SELECT id FROM images',
  copies: 20,
  transform: { size: 256, blur: 2 },
  shardSize: 4,
};

/** Does not end while the command line starts. */
const ENDLESS = { ...SPEC, copies: 200 };

async function makeLake(): Promise<string> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), ROWS));
  return lake;
}

async function withServer(
  lake: string,
  work: (server: TestServer) => Promise<void>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  const server = await startServer(lake);
  try {
    await work(server);
  } finally {
    await server.stop(signal);
  }
}

async function runOf(server: TestServer): Promise<RunResource> {
  return (await (await server.get('/v1/runs/slow')).json()) as RunResource;
}

async function reaches(server: TestServer, state: string): Promise<void> {
  await eventually(async () => (await runOf(server)).state === state, `the run is ${state}`);
}

async function startsWork(server: TestServer): Promise<void> {
  await eventually(async () => (await runOf(server)).imageCount > 0, 'images are done');
}

async function isRefused(server: TestServer, spec = SPEC): Promise<void> {
  const problem = await problemOf(await server.post('/v1/runs', spec));
  expect(problem).toMatchObject({ status: 409, code: 'RUN_CANCELLED' });
  expect(problem.remedy).toContain('resume it');
  const keyed = await server.post('/v1/runs', spec, { 'idempotency-key': 'another' });
  expect(await problemOf(keyed)).toMatchObject({ status: 409, code: 'RUN_CANCELLED' });
}

async function finishes(server: TestServer): Promise<void> {
  await reaches(server, 'finished');
  expect((await runOf(server)).imageCount).toBe(ROWS * SPEC.copies);
}

describe('a cancelled run', () => {
  test('is resumed, not submitted again, also after the server has ended', async () => {
    const lake = await makeLake();
    await withServer(lake, async (server) => {
      await server.post('/v1/runs', SPEC);
      await startsWork(server);
      expect((await server.post('/v1/runs/slow/cancel', undefined)).status).toBe(202);
      // At once, while it is still about to stop.
      await isRefused(server);
      await reaches(server, 'cancelled');
      await isRefused(server);
    });
    const { stdout } = await pixlake(lake, 'runs', 'show', 'slow');
    expect(stdout).toContain('cancelled');
    await withServer(lake, async (server) => {
      expect((await runOf(server)).state).toBe('cancelled');
      await isRefused(server);
      expect((await runOf(server)).state).toBe('cancelled');
      expect((await server.post('/v1/runs/slow/resume', undefined)).status).toBe(202);
      await finishes(server);
      expect((await server.post('/v1/runs', SPEC)).status).toBe(202);
      await finishes(server);
    });
  });

  test('stays cancelled when the server is killed at the moment of its answer', async () => {
    const lake = await makeLake();
    await withServer(
      lake,
      async (server) => {
        await server.post('/v1/runs', SPEC);
        await startsWork(server);
        await server.post('/v1/runs/slow/cancel', undefined);
      },
      'SIGKILL',
    );
    await withServer(lake, async (server) => {
      expect((await runOf(server)).state).toBe('cancelled');
      await isRefused(server);
    });
  });

  test('goes on when it is resumed before it has stopped', async () => {
    const lake = await makeLake();
    await withServer(lake, async (server) => {
      await server.post('/v1/runs', SPEC);
      await startsWork(server);
      for (let time = 0; time < 3; time++) {
        expect((await server.post('/v1/runs/slow/cancel', undefined)).status).toBe(202);
        expect((await server.post('/v1/runs/slow/resume', undefined)).status).toBe(202);
      }
      await finishes(server);
    });
  });

  test('is refused too where the command line cancelled it while the server worked on it', async () => {
    const lake = await makeLake();
    await withServer(lake, async (server) => {
      await server.post('/v1/runs', ENDLESS);
      await startsWork(server);
      await pixlakeJson(lake, 'runs', 'cancel', 'slow');
      await isRefused(server, ENDLESS);
      await reaches(server, 'cancelled');
      await isRefused(server, ENDLESS);
    });
    await withServer(lake, (server) => isRefused(server, ENDLESS));
  });

  test('is accepted again once the command line has resumed it', async () => {
    const lake = await makeLake();
    await withServer(lake, async (server) => {
      await server.post('/v1/runs', SPEC);
      await startsWork(server);
      await server.post('/v1/runs/slow/cancel', undefined);
      await reaches(server, 'cancelled');
      await pixlakeJson(lake, 'runs', 'resume', 'slow');
      await finishes(server);
      expect((await server.post('/v1/runs', SPEC)).status).toBe(202);
      await finishes(server);
    });
  });

  test('that was waiting is refused and resumed as others are', async () => {
    const lake = await makeLake();
    await withServer(lake, async (server) => {
      await server.post('/v1/runs', { ...SPEC, name: 'ahead' });
      await server.post('/v1/runs', SPEC);
      await server.post('/v1/runs/slow/cancel', undefined);
      expect((await runOf(server)).state).toBe('cancelled');
      await isRefused(server);
      await server.post('/v1/runs/ahead/cancel', undefined);
      await server.post('/v1/runs/slow/resume', undefined);
      await finishes(server);
    });
  });

  test('is cancelled for the server that has accepted it, whichever server is asked', async () => {
    const lake = await makeLake();
    await withServer(lake, async (first) => {
      await withServer(lake, async (second) => {
        await first.post('/v1/runs', SPEC);
        await startsWork(first);
        expect((await second.post('/v1/runs/slow/cancel', undefined)).status).toBe(202);
        await reaches(first, 'cancelled');
        for (const server of [first, second]) await isRefused(server);
        await second.post('/v1/runs/slow/resume', undefined);
        await finishes(second);
        expect((await runOf(first)).state).toBe('finished');
      });
    });
  });
});

test('a run that the command line cancelled while no server ran stays cancelled, also one that was resumed before', async () => {
  const lake = await makeLake();
  await withServer(
    lake,
    async (server) => {
      await server.post('/v1/runs', ENDLESS);
      await startsWork(server);
      await server.post('/v1/runs/slow/cancel', undefined);
      await reaches(server, 'cancelled');
      const { imageCount } = await runOf(server);
      await server.post('/v1/runs/slow/resume', undefined);
      await eventually(async () => (await runOf(server)).imageCount > imageCount, 'it goes on');
    },
    'SIGKILL',
  );
  await pixlakeJson(lake, 'runs', 'cancel', 'slow');
  await withServer(lake, async (server) => {
    await reaches(server, 'cancelled');
    await isRefused(server, ENDLESS);
    expect((await runOf(server)).state).toBe('cancelled');
  });
});

test('a run that waits at one server does not start after another one has cancelled it', async () => {
  const lake = await makeLake();
  await withServer(lake, async (first) => {
    await withServer(lake, async (second) => {
      await first.post('/v1/runs', { ...ENDLESS, name: 'ahead' });
      await first.post('/v1/runs', SPEC);
      expect((await second.post('/v1/runs/slow/cancel', undefined)).status).toBe(202);
      await first.post('/v1/runs/ahead/cancel', undefined);
      await reaches(first, 'cancelled');
      expect(await readdir(join(lake, 'runs'))).toEqual(['ahead']);
      await isRefused(first);
    });
  });
});

describe('a lake with damaged records', () => {
  test('is served: they are named, set aside and listed by nobody', async () => {
    const lake = await makeLake();
    const folder = join(lake, 'submissions');
    const run = { ...SPEC, name: 'older', copies: 1, transform: { size: 32 }, shardSize: undefined };
    const older = JSON.stringify({ run, submittedMs: 5, state: 'accepted' });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'older.json'), older);
    await writeFile(join(folder, 'torn.json'), older.slice(0, 60));
    await writeFile(join(folder, 'empty.json'), '');
    await writeFile(join(folder, 'no name.json'), older);
    await withServer(lake, async (server) => {
      const list = async (): Promise<RunResource[]> =>
        ((await (await server.get('/v1/runs')).json()) as { items: RunResource[] }).items;
      expect((await list()).map(({ id }) => id)).toEqual(['older']);
      for (const name of ['torn', 'empty', 'no name'])
        expect(server.log()).toContain(`submissions/${name}.json`);
      const copies = await readdir(join(folder, 'damaged'));
      expect(copies.map((name) => name.replace(/\.[0-9a-f]{8}$/u, '')).sort()).toEqual([
        'empty.json',
        'no name.json',
        'torn.json',
      ]);
      const torn = copies.find((name) => name.startsWith('torn')) ?? '';
      expect(await readFile(join(folder, 'damaged', torn), 'utf8')).toBe(older.slice(0, 60));
      expect((await server.get('/v1/runs/torn')).status).toBe(404);
      // What an older version accepted is carried out, and a name whose record was damaged can be used.
      await eventually(async () => (await list())[0]?.state === 'finished', 'the older run is finished');
      expect((await list())[0]?.spec).toMatchObject({ seed: 42, idColumn: 'id' });
      expect((await server.post('/v1/runs', { ...run, name: 'torn' })).status).toBe(202);
      await eventually(
        async () => (await list()).every(({ state }) => state === 'finished'),
        'both runs are finished',
      );
      expect((await list()).map(({ id }) => id)).toEqual(['torn', 'older']);
    });
  });
});
