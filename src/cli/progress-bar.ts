import { ERASE_LINE } from '../config.ts';

/** A progress line on a terminal. Draws nothing if standard error is not a terminal. */
export interface ProgressBar extends Disposable {
  /** Shows that `done` of `total` units are done. Without a total it shows only a count and a rate. */
  update(done: number, total: number | undefined, note?: string): void;
}

const WIDTH = 28;
const REDRAW_MS = 100;

/** Starts a progress bar. `unit` names what is counted, such as `images`. Disposing clears the line. */
export function startProgressBar(
  label: string,
  unit: string,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressBar {
  const startMs = performance.now();
  let first: number | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  return {
    update(done, total, note = '') {
      // Work of an earlier attempt must not count as speed.
      first ??= done;
      const nowMs = performance.now();
      if (!stream.isTTY || nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      const rate = (done - first) / Math.max(0.001, (nowMs - startMs) / 1000);
      const parts = [label, ...(total === undefined ? [] : [drawBar(done, total)]), formatCount(done)];
      if (total !== undefined) parts.push(`of ${formatCount(total)}`);
      parts.push(unit, `· ${formatCount(Math.round(rate))}/s`);
      if (total !== undefined && rate > 0 && done > first)
        parts.push(`· ${formatSeconds((total - done) / rate)} left`);
      if (note !== '') parts.push(`· ${note}`);
      stream.write(`${ERASE_LINE}${parts.join(' ').slice(0, (stream.columns || 80) - 1)}`);
    },
    [Symbol.dispose]() {
      if (stream.isTTY) stream.write(ERASE_LINE);
    },
  };
}

function drawBar(done: number, total: number): string {
  const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.floor((done / total) * WIDTH));
  return `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
}

/** A count with thousands separators. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A duration for people: `0.8 s`, `42 s`, `3 min 05 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Bytes for people, in powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power] ?? ''}`;
}
