import timers, { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { RequestGate, type Verdict } from '../../src/storage/request-gate.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

/** The verdict on a failure is its message. */
const judge = (error: unknown): Verdict => (error instanceof Error ? error.message : error) as Verdict;

const openGate = (maxInFlight = 16): RequestGate =>
  new RequestGate({ judge, maxInFlight, patienceMs: 60_000 });

/** A request that fails in these ways, one after the other, and then answers. */
function failing(...verdicts: readonly (Verdict | Error)[]): () => Promise<string> {
  const left = [...verdicts];
  return async () => {
    const verdict = left.shift();
    if (verdict !== undefined) throw typeof verdict === 'string' ? new Error(verdict) : verdict;
    return 'done';
  };
}

/** Lets a pause take no time but that of a clock, which starts at an hour. Pauses are as long as they may be. */
function stubTime(): { nowMs: number; readonly pauses: readonly number[] } {
  const pauses: number[] = [];
  const clock = { nowMs: 3_600_000, pauses };
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs);
  vi.spyOn(log, 'warn').mockReturnValue();
  stubBuiltin(vi.spyOn(timers, 'setTimeout')).mockImplementation(async (pauseMs = 0) => {
    pauses.push(pauseMs);
    clock.nowMs += pauseMs;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  return clock;
}

/** How many requests a gate lets run at once. They fail, so it does not widen. */
async function widthOf(gate: RequestGate): Promise<number> {
  const running: (() => void)[] = [];
  const request = (): Promise<never> =>
    new Promise((_, reject) => running.push(() => reject(new Error('fail'))));
  const all = Promise.allSettled(Array.from({ length: 20 }, () => gate.run(request)));
  await settle();
  const width = running.length;
  for (let ended = 0; ended < 20; ended += 1) {
    expect(running.length).toBe(Math.min(20, width + ended));
    running[ended]?.();
    await settle();
  }
  await all;
  return width;
}

const succeed = async (gate: RequestGate, count: number): Promise<void> => {
  for (let done = 0; done < count; done += 1) await gate.run(failing());
};

describe('how many requests run at once', () => {
  test('as many as were set, and never more; each that ends lets another one in', async () => {
    const gate = openGate(3);
    expect(await widthOf(gate)).toBe(3);
    await succeed(gate, 10);
    expect(await widthOf(gate)).toBe(3);
  });

  test('an overload halves them, and each round that goes well gives one back', async () => {
    stubTime();
    const gate = openGate();
    await gate.run(failing('slow down'));
    expect(await widthOf(gate)).toBe(8);
    await succeed(gate, 7);
    expect(await widthOf(gate)).toBe(8);
    await succeed(gate, 1);
    expect(await widthOf(gate)).toBe(9);
    await succeed(gate, 200);
    expect(await widthOf(gate)).toBe(16);
  });

  test('other failures do not', async () => {
    stubTime();
    const gate = openGate();
    await gate.run(failing('retry', 'retry'));
    expect(await widthOf(gate)).toBe(16);
  });

  test('many failures by the same overload count once; below four it never goes', async () => {
    const clock = stubTime();
    const gate = openGate();
    const overload = async (): Promise<void> => {
      const stop = new AbortController();
      const request = (): Promise<never> => {
        // The verdict comes before the end.
        vi.mocked(timers.setTimeout).mockImplementationOnce(async () => {
          stop.abort();
        });
        return Promise.reject(new Error('slow down'));
      };
      await expect(gate.run(request, stop.signal)).rejects.toThrow('aborted');
    };
    const widths: number[] = [];
    for (const passedMs of [0, 0, 499, 1, 500, 500]) {
      clock.nowMs += passedMs;
      await overload();
      widths.push(await widthOf(gate));
    }
    expect(widths).toEqual([8, 8, 8, 4, 4, 4]);
  });
});

describe('what failed', () => {
  test('for good is not repeated', async () => {
    const { pauses } = stubTime();
    await expect(openGate().run(failing('fail'))).rejects.toThrow('fail');
    expect(pauses).toEqual([]);
  });

  test('for now is repeated after pauses that double up to five seconds', async () => {
    const { pauses } = stubTime();
    const verdicts = Array.from({ length: 9 }, (): Verdict => 'retry');
    expect(await openGate().run(failing(...verdicts))).toBe('done');
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    vi.mocked(Math.random).mockReturnValue(0.25);
    await openGate().run(failing('retry', 'slow down'));
    expect(pauses.slice(9)).toEqual([12.5, 25]);
  });

  test('is given up a minute after the first failure, however long the request took until then', async () => {
    const clock = stubTime();
    const gate = openGate();
    const times = [100_000, 59_900, 49];
    const request = async (): Promise<never> => {
      clock.nowMs += times.shift() ?? 1;
      throw new Error('retry');
    };
    vi.mocked(Math.random).mockReturnValue(0);
    await expect(gate.run(request)).rejects.toThrow('retry');
    // 59,949 ms were not enough, and of the others the 51st was.
    expect(clock.pauses).toHaveLength(53);
  });

  test('is told once if it lasts for more than three seconds, and again after it went well', async () => {
    const clock = stubTime();
    vi.mocked(Math.random).mockReturnValue(0);
    const warn = vi.mocked(log.warn);
    const gate = openGate();
    const lasting = (...times: number[]) => {
      const request = failing(...times.map((): Verdict => 'retry'));
      return async (): Promise<string> => {
        clock.nowMs += times.shift() ?? 0;
        return request();
      };
    };
    await openGate().run(lasting(5000, 3000));
    expect(warn).not.toHaveBeenCalled();
    await gate.run(lasting(5000, 3001, 3001));
    expect(warn.mock.calls).toEqual([['still trying: retry']]);
    await gate.run(lasting(5000, 3001));
    expect(warn).toHaveBeenCalledTimes(2);
    const failures = ['retry', 'retry'];
    await gate.run(async () => {
      clock.nowMs += 3001;
      const failure = failures.shift();
      // oxlint-disable-next-line typescript/only-throw-error -- what packages throw need not be an error
      if (failure !== undefined) throw failure;
    });
    expect(warn).toHaveBeenLastCalledWith('still trying: retry');
    expect(warn).toHaveBeenCalledTimes(3);
  });
});

describe('work that is stopped', () => {
  const reason = new Error('enough');

  test('sends nothing any more', async () => {
    const request = vi.fn(failing());
    await expect(openGate().run(request, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(request).not.toHaveBeenCalled();
  });

  test('ends with the reason, not with the error of the request that it ended', async () => {
    const stop = new AbortController();
    const request = async (): Promise<never> => {
      stop.abort(reason);
      throw new Error('fail');
    };
    await expect(openGate().run(request, stop.signal)).rejects.toBe(reason);
  });

  test('ends within a pause, although another request has its place', async () => {
    const gate = openGate(1);
    const stop = new AbortController();
    const failed = gate.run(failing('retry', 'retry'), stop.signal);
    let end: (value: string) => void = () => undefined;
    const other = gate.run(() => new Promise<string>((resolve) => (end = resolve)));
    await settle();
    stop.abort(reason);
    await expect(failed).rejects.toBe(reason);
    end('other');
    expect(await other).toBe('other');
  });

  test('hands its signal to the pause', async () => {
    stubTime();
    const { signal } = new AbortController();
    await openGate().run(failing('retry'), signal);
    await openGate().run(failing('retry'));
    expect(vi.mocked(timers.setTimeout).mock.calls).toEqual([
      [50, undefined, { signal }],
      [50, undefined, {}],
    ]);
  });
});
