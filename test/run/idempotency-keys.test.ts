import { expect, onTestFinished, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { IdempotencyKeys } from '../../src/run/idempotency-keys.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const claimOf = (name: string): { run: ReturnType<typeof parseRunSpec>; after: number } => ({
  run: parseRunSpec({ name, sql: 'SELECT 1' }, 'test'),
  after: 4,
});

test('a key is claimed once, by whoever is first, and its text is kept nowhere', async () => {
  const store = openLocalStore(await makeTestFolder());
  const keys = new IdempotencyKeys(store);
  expect(await keys.read('secret/../key')).toBeUndefined();
  const claims = await Promise.all(['a', 'b', 'c'].map((name) => keys.claim('secret/../key', claimOf(name))));
  expect(claims.filter(Boolean)).toHaveLength(1);
  const winner = ['a', 'b', 'c'][claims.indexOf(true)] ?? '';
  expect(await keys.read('secret/../key')).toEqual(claimOf(winner));
  const stored = await keysOf(store);
  expect(stored).not.toEqual([]);
  for (const key of stored) expect(`${key} ${(await store.read(key)).toString()}`).not.toContain('secret');
});

test('the keys of a run are forgotten with it, and no others', async () => {
  const keys = new IdempotencyKeys(openLocalStore(await makeTestFolder()));
  for (const [key, name] of [
    ['1', 'a'],
    ['2', 'a'],
    ['3', 'b'],
  ] as const)
    await keys.claim(key, claimOf(name));
  await keys.remove('a');
  expect(await keys.read('1')).toBeUndefined();
  expect(await keys.read('2')).toBeUndefined();
  expect(await keys.read('3')).toEqual(claimOf('b'));
});

test('a damaged key is as one that was not used, and is claimed anew', async () => {
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  onTestFinished(() => warn.mockRestore());
  const store = openLocalStore(await makeTestFolder());
  const keys = new IdempotencyKeys(store);
  expect(await keys.claim('1', claimOf('a'))).toBe(true);
  const [key = ''] = await keysOf(store);
  expect(key).toMatch(/^submissions\/keys\/[0-9a-f]{64}\.json$/u);
  for (const claim of ['{"run":', JSON.stringify({ ...claimOf('a'), after: -2 })]) {
    await store.write(key, Buffer.from(claim));
    expect(await keys.read('1')).toBeUndefined();
    // What cannot be read is of no run.
    await keys.remove('a');
    expect(await keys.claim('1', { ...claimOf('b'), after: -1 })).toBe(true);
    expect(await keys.read('1')).toEqual({ ...claimOf('b'), after: -1 });
    expect(await keys.claim('1', claimOf('c'))).toBe(false);
  }
  expect.assertions(2 + 2 * 4);
});
