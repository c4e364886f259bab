import { describe, expect, test } from 'vitest';
import { EventLog, type LoggedEvent } from '../../src/run/event-log.ts';

const never = new AbortController().signal;

async function collect(events: AsyncIterable<LoggedEvent>): Promise<unknown[]> {
  const payloads: unknown[] = [];
  for await (const { payload } of events) payloads.push(payload);
  return payloads;
}

function fill(log: EventLog, count: number): void {
  for (let number = 1; number <= count; number++) log.add('progress', number);
}

describe('a follower', () => {
  test('gets what comes from now on, until the end', async () => {
    const log = new EventLog('e');
    fill(log, 2);
    const following = collect(log.follow(undefined, never));
    log.add('progress', 3);
    await Promise.resolve();
    log.add('progress', 4);
    log.end();
    expect(await following).toEqual([3, 4]);
  });

  test('gets what comes after it asked, also if it reads later', async () => {
    const log = new EventLog('e');
    fill(log, 1);
    const following = log.follow(undefined, never);
    log.add('progress', 2);
    log.end();
    expect(await collect(following)).toEqual([2]);
  });

  test('that comes back gets what it missed, and nothing twice', async () => {
    const log = new EventLog('e');
    fill(log, 5);
    log.end();
    expect(await collect(log.follow('e-2', never))).toEqual([3, 4, 5]);
    expect(await collect(log.follow('e-0', never))).toEqual([1, 2, 3, 4, 5]);
    expect(await collect(log.follow('e-5', never))).toEqual([]);
  });

  test('that missed more than is kept is known by that', async () => {
    const log = new EventLog('e');
    fill(log, 258);
    log.end();
    expect([log.knows('e-1'), log.knows('e-2'), log.knows('e-258')]).toEqual([false, true, true]);
    expect(await collect(log.follow('e-2', never))).toHaveLength(256);
    expect(await collect(log.follow('e-1', never))).toEqual([]);
  });

  test.each(['other-1', 'e-259', 'e-x', 'e--1', 'e-1.5'])(
    'with the unknown id %s gets new events',
    async (id) => {
      const log = new EventLog('e');
      fill(log, 3);
      expect(log.knows(id)).toBe(false);
      const following = collect(log.follow(id, never));
      log.add('progress', 4);
      log.end();
      expect(await following).toEqual([4]);
    },
  );

  test('ends when it goes away, without an event', async () => {
    const log = new EventLog('e');
    const gone = new AbortController();
    const following = collect(log.follow(undefined, gone.signal));
    gone.abort();
    expect(await following).toEqual([]);
    log.add('progress', 1);
    expect(await collect(log.follow('e-0', gone.signal))).toEqual([]);
  });

  test('that is slow gets each event that is still kept, once and in order', async () => {
    const log = new EventLog('e');
    fill(log, 1);
    const following = log.follow('e-0', never);
    expect((await following.next()).value).toEqual({ id: 'e-1', kind: 'progress', payload: 1 });
    fill(log, 300);
    // Of the 301 events, the first 45 are gone.
    expect((await following.next()).value).toMatchObject({ id: 'e-46', payload: 45 });
    // More come, and more go, while it reads.
    fill(log, 3);
    log.end();
    const ids: string[] = [];
    for await (const { id } of following) ids.push(id);
    expect(ids).toEqual(Array.from({ length: 256 }, (_, index) => `e-${index + 49}`));
  });

  test('that goes away while it reads gets no more', async () => {
    const log = new EventLog('e');
    fill(log, 3);
    const gone = new AbortController();
    const following = log.follow('e-0', gone.signal);
    expect((await following.next()).value).toMatchObject({ payload: 1 });
    gone.abort();
    expect(await following.next()).toEqual({ done: true, value: undefined });
  });

  test('that waits ends with the log', async () => {
    const log = new EventLog('e');
    const next = log.follow(undefined, never).next();
    await Promise.resolve();
    log.end();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('of many gets what all get', async () => {
    const log = new EventLog('e');
    const following = [1, 2, 3].map(() => collect(log.follow(undefined, never)));
    await Promise.resolve();
    fill(log, 2);
    log.end();
    expect(await Promise.all(following)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });
});
