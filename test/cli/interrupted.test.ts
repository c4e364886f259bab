import { readdir } from 'node:fs/promises';
import { onTestFinished, expect, test } from 'vitest';
import { pixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

/** Sends one signal, as soon as a command listens for it. */
function interruptSoon(): void {
  const interrupt = (event: string | symbol): void => {
    if (event !== 'SIGTERM') return;
    process.off('newListener', interrupt);
    queueMicrotask(() => process.emit('SIGINT'));
  };
  process.on('newListener', interrupt);
  onTestFinished(() => {
    process.off('newListener', interrupt);
  });
}

async function listLake(lake: string): Promise<string[]> {
  const names = await readdir(lake, { recursive: true });
  return names.filter((name) => !name.startsWith('.tmp')).sort();
}

test.each([
  ['ingest', '<source>', '--table', 'again'],
  ['delete', 'images', '--where', 'id = 1'],
  ['optimize', 'images', '--sort-by', 'id'],
  ['verify', 'images', '--deep'],
])('Ctrl-C stops %s before it changes anything', async (...args) => {
  const { lake, folder } = await makePlainLake(3);
  const before = await listLake(lake);
  interruptSoon();
  const { code, stderr } = await pixlake(
    lake,
    ...args.map((arg) => arg.replace('<source>', `${folder}/source`)),
  );
  expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining('[INTERRUPTED]') });
  expect(await listLake(lake)).toEqual(before);
});

test.each([
  [['run', '--name', 'r', '--sql', 'SELECT * FROM images'], 'runs.r  version 0, 3 rows'],
  [['tables', 'drop', 'images'], 'no tables yet'],
])('Ctrl-C stops %j, which the same command finishes', async (args, listed) => {
  const { lake } = await makePlainLake(3);
  const before = await listLake(lake);
  interruptSoon();
  expect(await pixlake(lake, ...args)).toMatchObject({
    code: 130,
    stderr: expect.stringContaining('[INTERRUPTED]'),
  });
  // Nothing went, and no image was made.
  const after = await listLake(lake);
  expect(after).toEqual(expect.arrayContaining(before));
  expect(after.filter((name) => /^runs\/.*\.jpg$/u.test(name))).toEqual([]);
  expect(await pixlake(lake, ...args)).toMatchObject({ code: 0 });
  expect((await pixlake(lake, 'tables')).stdout).toContain(listed);
});
