import { expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { Submissions } from '../../src/run/submissions.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Opens a fresh store, and as many more on the same place as are asked for, as so many servers do. */
export type OpenStores = (count: number) => Promise<readonly ObjectStore[]>;

const AT_ONCE = 20;
const ROUNDS = 8;

const RECORDS = ['torn', 'empty', 'binary', 'list', 'otherRun', 'badSpec', 'badState', 'badTime'] as const;

function specOf(name: string, seed = 1): RunSpec {
  return { name, sql: 'SELECT id FROM images', seed };
}

async function codesOf(work: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((result) =>
    result.status === 'fulfilled' ? 'accepted' : String((result.reason as { code?: unknown }).code),
  );
}

function countOf(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

async function readText(store: ObjectStore, key: string): Promise<string> {
  return (await store.read(key)).toString('utf8');
}

async function keysOf(store: ObjectStore, folder: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}

/** The same store, some of whose methods do otherwise. */
function withChanges(store: ObjectStore, changes: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function open(openStores: OpenStores): Promise<{ store: ObjectStore; submissions: Submissions }> {
  const [store] = await openStores(1);
  if (store === undefined) throw new Error('no store');
  return { store, submissions: new Submissions(store) };
}

/** What holds of accepted runs on every store. */
export function testSubmissions(openStores: OpenStores): void {
  test('of different specifications under one name, one is accepted', async () => {
    const servers = (await openStores(AT_ONCE)).map((store) => new Submissions(store));
    for (let round = 0; round < ROUNDS; round++) {
      const name = `race-${round}`;
      const codes = await codesOf(servers.map((server, seed) => server.accept(specOf(name, seed))));
      expect(countOf(codes)).toEqual({ accepted: 1, RUN_NAME_TAKEN: AT_ONCE - 1 });
      expect((await servers[0]?.read(name))?.run.seed).toBe(codes.indexOf('accepted'));
    }
  });

  test('of one specification, all are accepted, and one is new, also after each end', async () => {
    const servers = (await openStores(AT_ONCE)).map((store) => new Submissions(store));
    for (let round = 0; round < ROUNDS; round++) {
      const accepted = await Promise.all(servers.map((server) => server.accept(specOf('same'))));
      const [first, ...more] = accepted.filter(({ isNew }) => isNew);
      expect(more).toEqual([]);
      if (first?.submission === undefined) throw new Error('none is new');
      const { submission } = first;
      expect(new Set(accepted.map((one) => one.submission?.id))).toEqual(new Set([submission.id]));
      const state = round % 2 === 0 ? 'failed' : 'finished';
      await Promise.all(servers.map((server) => server.end(submission, { state })));
      expect(await servers[round]?.read('same')).toMatchObject({ id: submission.id, state });
    }
  });

  test('the end of an attempt is not that of the next one', async () => {
    const { submissions } = await open(openStores);
    const first = (await submissions.accept(specOf('again'))).submission;
    if (first === undefined) throw new Error('not accepted');
    await submissions.end(first, { state: 'failed', failure: { code: 'PLAN_EMPTY', message: 'no rows' } });
    expect(await submissions.accept(specOf('again'))).toMatchObject({ isNew: true });
    await submissions.end(first, { state: 'finished' });
    const newest = await submissions.read('again');
    expect(newest).toMatchObject({ state: 'accepted' });
    expect(newest?.failure).toBeUndefined();
    expect(await submissions.start(first)).toBe('replaced');
  });

  test('a cancelled run is accepted by who resumes it, and may then be cancelled again', async () => {
    const { submissions } = await open(openStores);
    const { submission } = await submissions.accept(specOf('stopped'));
    if (submission === undefined) throw new Error('not accepted');
    await submissions.end(submission, { state: 'cancelled' });
    expect(await submissions.start(submission)).toBe('cancelled');
    const refused = { code: 'RUN_CANCELLED', remedy: expect.stringContaining('resume it') as string };
    await expect(submissions.accept(specOf('stopped'))).rejects.toMatchObject(refused);
    await expect(submissions.accept(specOf('stopped', 2))).rejects.toMatchObject({ code: 'RUN_NAME_TAKEN' });
    const resumed = await submissions.accept(specOf('stopped'), { liftsCancel: true });
    expect(resumed).toMatchObject({ isNew: true, submission: { state: 'accepted', liftsCancel: true } });
    if (resumed.submission === undefined) throw new Error('not accepted');
    expect(await submissions.start(resumed.submission)).toBe('started');
    expect(await submissions.read('stopped')).toMatchObject({ state: 'accepted', liftsCancel: false });
    await submissions.end(resumed.submission, { state: 'cancelled' });
    await expect(submissions.accept(specOf('stopped'))).rejects.toMatchObject(refused);
  });

  test('an Idempotency-Key used at once for different runs stands for one', async () => {
    const servers = (await openStores(AT_ONCE)).map((store) => new Submissions(store));
    for (let round = 0; round < ROUNDS; round++) {
      const codes = await codesOf(
        servers.map((server, index) =>
          server.accept(specOf(`key-${round}-${index}`), { idempotencyKey: `${round}` }),
        ),
      );
      expect(countOf(codes)).toEqual({ accepted: 1, IDEMPOTENCY_KEY_REUSED: AT_ONCE - 1 });
      const names = (await servers[0]?.list())?.map(({ run }) => run.name) ?? [];
      expect(names.filter((name) => name.startsWith(`key-${round}-`))).toEqual([
        `key-${round}-${codes.indexOf('accepted')}`,
      ]);
    }
  });

  test('a repeated Idempotency-Key gives its run, whatever became of it', async () => {
    const { submissions } = await open(openStores);
    const options = { idempotencyKey: 'once' };
    for (const state of ['failed', 'cancelled', 'finished'] as const) {
      const name = `kept-${state}`;
      const { submission } = await submissions.accept(specOf(name), { idempotencyKey: name });
      if (submission === undefined) throw new Error('not accepted');
      // Another key for the run while it waits is used up by it.
      expect(await submissions.accept(specOf(name), { idempotencyKey: `${name}-2` })).toMatchObject({
        isNew: false,
      });
      await submissions.end(submission, { state });
      for (const idempotencyKey of [name, `${name}-2`])
        expect(await submissions.accept(specOf(name), { idempotencyKey })).toMatchObject({ isNew: false });
      expect(await submissions.read(name)).toMatchObject({ state });
    }
    await submissions.accept(specOf('one'), options);
    await expect(submissions.accept(specOf('two'), options)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  test('a server that dies between claiming a key and recording the run has not accepted it', async () => {
    const { store, submissions } = await open(openStores);
    const dying = new Submissions(
      withChanges(store, {
        writeIfAbsent: async (key, bytes, options) => {
          if (!key.startsWith('submissions/keys/')) throw new Error('killed');
          return store.writeIfAbsent(key, bytes, options);
        },
      }),
    );
    const { submission } = await submissions.accept(specOf('dying'));
    if (submission === undefined) throw new Error('not accepted');
    await submissions.end(submission, { state: 'failed' });
    const options = { idempotencyKey: 'dying' };
    await expect(dying.accept(specOf('dying'), options)).rejects.toThrow('killed');
    expect(await submissions.accept(specOf('dying'), options)).toMatchObject({ isNew: true });
    expect(await submissions.accept(specOf('dying'), options)).toMatchObject({ isNew: false });
  });

  test('a record whose answer is lost is recognised', async () => {
    const { store } = await open(openStores);
    const lossy = new Submissions(
      withChanges(store, {
        writeIfAbsent: async (key, bytes, options) => {
          await store.writeIfAbsent(key, bytes, options);
          return false;
        },
      }),
    );
    const accepted = await lossy.accept(specOf('lost'), { idempotencyKey: 'lost' });
    expect(accepted).toMatchObject({ isNew: true, submission: { state: 'accepted' } });
    if (accepted.submission === undefined) throw new Error('not accepted');
    await lossy.end(accepted.submission, { state: 'cancelled' });
    const resumed = await lossy.accept(specOf('lost'), { liftsCancel: true });
    expect(resumed).toMatchObject({ isNew: true });
    if (resumed.submission === undefined) throw new Error('not accepted');
    expect(await lossy.start(resumed.submission)).toBe('started');
    expect(await lossy.read('lost')).toMatchObject({ state: 'accepted', liftsCancel: false });
  });

  test('records survive a power loss', async () => {
    const { store } = await open(openStores);
    const durable = new Map<string, boolean>();
    const watched = new Submissions(
      withChanges(store, {
        writeIfAbsent: async (key, bytes, options) => {
          durable.set(key, options?.durable ?? false);
          return store.writeIfAbsent(key, bytes, options);
        },
      }),
    );
    const { submission } = await watched.accept(specOf('durable'), { idempotencyKey: 'durable' });
    if (submission === undefined) throw new Error('not accepted');
    await watched.end(submission, { state: 'failed' });
    expect(durable.size).toBe(3);
    expect(new Set(durable.values())).toEqual(new Set([true]));
  });

  test.each(RECORDS)(
    'a damaged record (%s) is set aside with its bytes, and its name is free',
    async (kind) => {
      const { store, submissions } = await open(openStores);
      const good = { id: 'a', run: { ...specOf('damaged') }, submittedMs: 1, state: 'accepted' };
      const text = JSON.stringify(good);
      const bytes = {
        torn: Buffer.from(text.slice(0, text.length - 9)),
        empty: Buffer.alloc(0),
        binary: Buffer.from([0xff, 0xfe, 0, 1, 2, 3]),
        list: Buffer.from('[]'),
        otherRun: Buffer.from(JSON.stringify({ ...good, run: specOf('other') })),
        badSpec: Buffer.from(JSON.stringify({ ...good, run: { name: 'damaged', sql: 3 } })),
        badState: Buffer.from(JSON.stringify({ ...good, state: 'lost' })),
        badTime: Buffer.from(JSON.stringify({ ...good, submittedMs: 1e300 })),
      }[kind];
      await submissions.accept(specOf('fine'));
      await store.write('submissions/damaged.json', bytes);
      for (let time = 0; time < 2; time++)
        expect((await submissions.list()).map(({ run }) => run.name)).toEqual(['fine']);
      const [copy, ...more] = await keysOf(store, 'submissions/damaged');
      expect(more).toEqual([]);
      expect((await store.read(copy ?? '')).equals(bytes)).toBe(true);
      expect(await submissions.read('damaged')).toBeUndefined();
      const accepted = await submissions.accept(specOf('damaged', 9));
      expect(accepted).toMatchObject({ isNew: true });
      expect((await submissions.list()).map(({ run }) => run.name).sort()).toEqual(['damaged', 'fine']);
      if (accepted.submission === undefined) throw new Error('not accepted');
      await submissions.end(accepted.submission, { state: 'failed' });
      expect(await submissions.read('damaged')).toMatchObject({ state: 'failed', run: { seed: 9 } });
    },
  );

  test('a damaged record in a lake that cannot be written to stops nobody', async () => {
    const { store, submissions } = await open(openStores);
    await submissions.accept(specOf('fine'));
    await store.write('submissions/torn.json', Buffer.from('{"run'));
    const denied = new PixlakeError('STORAGE_DENIED', 'read-only');
    const readOnly = new Submissions(
      withChanges(store, { writeIfAbsent: async () => Promise.reject(denied) }),
    );
    expect((await readOnly.list()).map(({ run }) => run.name)).toEqual(['fine']);
    await expect(readOnly.accept(specOf('torn'))).rejects.toBe(denied);
  });

  test('a damaged newest record leaves the one before it', async () => {
    const { store, submissions } = await open(openStores);
    const { submission } = await submissions.accept(specOf('deep'));
    if (submission === undefined) throw new Error('not accepted');
    await submissions.end(submission, { state: 'failed' });
    const [end = ''] = await keysOf(store, 'submissions/changes/deep');
    await store.write(end, Buffer.from('{"run'));
    expect(await submissions.read('deep')).toMatchObject({ state: 'accepted', id: submission.id });
    await submissions.end(submission, { state: 'finished' });
    expect(await submissions.read('deep')).toMatchObject({ state: 'finished' });
    expect(await readText(store, end)).toBe('{"run');
  });

  test('what else lies there is no run, and stops nobody', async () => {
    const { store, submissions } = await open(openStores);
    const stray = [
      'notes.txt',
      'changes/x',
      'changes/fine/0.json',
      'changes/fine/x.json',
      'deep/er/fine.json',
    ];
    for (const name of stray) await store.write(`submissions/${name}`, Buffer.from('{}'));
    await store.write('submissions/no name.json', Buffer.from('{}'));
    await store.write(`submissions/${'x'.repeat(80)}.json`, Buffer.from('{}'));
    await submissions.accept(specOf('fine'));
    expect((await submissions.list()).map(({ run }) => run.name)).toEqual(['fine']);
    expect(await keysOf(store, 'submissions/damaged')).toHaveLength(2);
  });

  test.each(['changes', 'keys', 'damaged', 'a.1', 'a.json'])('a run may be named %s', async (name) => {
    const { submissions } = await open(openStores);
    for (const one of [name, 'a']) {
      const { submission } = await submissions.accept(specOf(one), { idempotencyKey: one });
      if (submission === undefined) throw new Error('not accepted');
      await submissions.end(submission, { state: 'failed' });
    }
    const found = (await submissions.list()).map(({ run, state }) => `${run.name} ${state}`);
    expect(found.sort()).toEqual([`a failed`, `${name} failed`].sort());
  });

  test('a damaged Idempotency-Key is set aside, and can be used', async () => {
    const { store, submissions } = await open(openStores);
    await submissions.accept(specOf('first'), { idempotencyKey: 'k' });
    const [key = ''] = await keysOf(store, 'submissions/keys');
    await store.write(key, Buffer.from('{"run":'));
    expect(await submissions.accept(specOf('second'), { idempotencyKey: 'k' })).toMatchObject({
      isNew: true,
    });
    const [copy = ''] = await keysOf(store, 'submissions/damaged');
    expect(await readText(store, copy)).toBe('{"run":');
    await expect(submissions.accept(specOf('third'), { idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  test('a record of an older version that lacks fields is read with their defaults', async () => {
    const { store, submissions } = await open(openStores);
    const older = { run: { name: 'older', sql: 'SELECT id FROM images' }, submittedMs: 5, state: 'accepted' };
    await store.write('submissions/older.json', Buffer.from(JSON.stringify(older)));
    const [submission] = await submissions.list();
    expect(submission).toMatchObject({ state: 'accepted', run: { copies: 1, seed: 42, idColumn: 'id' } });
    expect(submission?.run.transform.size).toBe(256);
    expect(await submissions.accept(older.run)).toMatchObject({ isNew: false });
    if (submission === undefined) throw new Error('not read');
    await submissions.end(submission, { state: 'cancelled' });
    await expect(submissions.accept(older.run)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });
}
