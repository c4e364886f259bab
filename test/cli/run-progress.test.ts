import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withProgress } from '../../src/cli/run-progress.ts';
import { makeExecution } from '../support/execution.ts';

const { isTTY } = process.stderr;
let drawn: string[];

beforeEach(() => {
  drawn = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => drawn.push(String(text)) > 0);
  process.stderr.isTTY = true;
});

afterEach(() => {
  process.stderr.isTTY = isTTY;
  vi.restoreAllMocks();
});

test('a signal reaches the run, and is told as an interruption', async () => {
  const work = withProgress(
    ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
        process.emit('SIGINT');
      }),
  );
  await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

test.each<[string, Parameters<typeof makeExecution>[1], number, RegExp]>([
  ['all images of a run', { rowCount: 10, shardSize: 4, shardCount: 3 }, 0, /4 of 10 images/u],
  ['those that were done before too', { rowCount: 10, shardSize: 4, shardCount: 3 }, 1, /8 of 10 images/u],
  ['no row twice', { rowCount: 10, shardSize: 4, shardCount: 3 }, 3, /14 of 10 images/u],
])('the bar counts %s', async (_, fields, resumedShardCount, text) => {
  const execution = makeExecution('r', fields);
  await withProgress(async ({ onStart, onProgress }) => {
    onStart?.(execution, resumedShardCount);
    onProgress?.({ imageCount: 3, errorCount: 1 });
  });
  expect(drawn.join('')).toMatch(text);
  expect(drawn.join('')).toContain('1 failed');
  const resumed = `resuming run r: ${resumedShardCount} of 3 shards are done\n`;
  expect(drawn.includes(resumed)).toBe(resumedShardCount > 0);
});

test.each([
  [undefined, 20],
  [{ number: 1 }, 10],
])('of a retry %j, each row is one image', async (retry, total) => {
  const execution = makeExecution('r', { rowCount: 10, shardSize: 10, ...(retry && { retry }) });
  await withProgress(async ({ onStart, onProgress }) => {
    onStart?.({ ...execution, run: { ...execution.run, copies: 2 } }, 0);
    onProgress?.({ imageCount: 5, errorCount: 0 });
  });
  expect(drawn.join('')).toContain(`5 of ${total} images`);
  expect(drawn.join('')).not.toContain('failed');
});
