import { describe, expect, test, vi } from 'vitest';
import { formatBytes, formatCount, formatSeconds, startProgressBar } from '../../src/cli/progress-bar.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [1_234_567, '1.2 MB'],
  [5e9, '5.0 GB'],
  [1e18, '1000.0 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0.0 s'],
  [9.94, '9.9 s'],
  [10, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [185, '3 min 05 s'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

test('counts have separators of thousands', () => {
  expect([0, 999, 1000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
});

/** A stream that keeps what is drawn, and a clock that tests turn. */
function makeTerminal(isTTY: boolean, columns = 200): { stream: NodeJS.WriteStream; drawn: string[] } {
  const drawn: string[] = [];
  const write = (text: string): boolean => drawn.push(text) > 0;
  return { stream: { isTTY, columns, write } as unknown as NodeJS.WriteStream, drawn };
}

describe('a progress bar', () => {
  test('draws nothing where there is no terminal', () => {
    const { stream, drawn } = makeTerminal(false);
    using bar = startProgressBar('run', 'images', stream);
    bar.update(1, 2);
    bar[Symbol.dispose]();
    expect(drawn).toEqual([]);
  });

  test('tells how much is done, how fast, and what is left; and is wiped away', () => {
    const { stream, drawn } = makeTerminal(true);
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    try {
      const bar = startProgressBar('run', 'images', stream);
      bar.update(1000, 4000, 'resumed');
      // Too soon to draw again.
      now.mockReturnValue(50);
      bar.update(1500, 4000);
      now.mockReturnValue(2000);
      bar.update(2000, 4000, '3 failed');
      bar[Symbol.dispose]();
    } finally {
      now.mockRestore();
    }
    expect(drawn).toHaveLength(3);
    // What was done before is no speed.
    expect(drawn[0]).toMatch(/run █{7}░{21} 1,000 of 4,000 images · 0\/s · resumed$/u);
    expect(drawn[1]).toMatch(/run █{14}░{14} 2,000 of 4,000 images · 500\/s · 4.0 s left · 3 failed$/u);
    expect(drawn[2]).toBe('\r\u001b[2K');
  });

  test('counts what has no known end, and fits its terminal', () => {
    const { stream, drawn } = makeTerminal(true, 20);
    using bar = startProgressBar('ingest', 'rows', stream);
    bar.update(12_345, undefined, 'and a note that is longer than the line');
    expect(drawn[0]).toBe(`\r\u001b[2K${'ingest 12,345 rows · 0/s'.slice(0, 19)}`);
    const wide = makeTerminal(true);
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    using other = startProgressBar('ingest', 'rows', wide.stream);
    other.update(0, undefined);
    now.mockReturnValue(1000);
    other.update(500, undefined);
    now.mockRestore();
    expect(wide.drawn[1]).toBe('\r\u001b[2Kingest 500 rows · 500/s');
  });
});
