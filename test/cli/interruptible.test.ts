import { afterEach, describe, expect, test, vi } from 'vitest';
import { interruptible } from '../../src/cli/interruptible.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops work once, and is let go of after it', async (name) => {
    const listeners = process.listenerCount(name);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    const work = interruptible(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          process.emit(name);
        }),
    );
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(exit).not.toHaveBeenCalled();
    expect(process.listenerCount(name)).toBe(listeners);
  });

  test('that comes again ends the process at once', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    await interruptible(async () => {
      process.emit('SIGINT');
      expect(exit).not.toHaveBeenCalled();
      process.emit('SIGTERM');
    });
    expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  });

  test('that never comes leaves the result as it is', async () => {
    expect(await interruptible(async ({ aborted }) => ({ aborted }))).toEqual({ aborted: false });
  });
});
