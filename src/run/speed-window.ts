/** Images that were done after a time. */
export interface Point {
  readonly ms: number;
  readonly count: number;
}

/** Until then, V8 compiles what it will run. */
const WINDOW_MS = 2000;

/** Slow models need longer for enough images. */
export const MAX_WINDOW_MS = 30_000;

/** Images that must fall into the second half of the window, which tells the speed. */
const ENOUGH_IMAGES = 64;

/** Whether points in time tell the speed of work. */
export function isEnough(points: readonly Point[]): boolean {
  const last = points.at(-1);
  if (last === undefined || last.ms < WINDOW_MS) return false;
  return last.ms >= MAX_WINDOW_MS || last.count - (middleOf(points)?.count ?? last.count) >= ENOUGH_IMAGES;
}

/** Time until so many images are made, in ms: as measured, then at the speed of the second half of what was measured. */
export function extrapolate(points: readonly Point[], imageCount: number): number {
  const last = points.at(-1) ?? { ms: 0, count: 0 };
  const left = imageCount - last.count;
  if (left <= 0) return last.ms;
  const middle = middleOf(points) ?? last;
  const from = middle.count === last.count ? { ms: 0, count: 0 } : middle;
  return last.ms + (left * (last.ms - from.ms)) / Math.max(1, last.count - from.count);
}

/** The first point of the second half of the time in which images were made. */
function middleOf(points: readonly Point[]): Point | undefined {
  const firstMs = points.find(({ count }) => count > 0)?.ms ?? 0;
  const lastMs = points.at(-1)?.ms ?? 0;
  return points.find(({ ms, count }) => count > 0 && ms >= (firstMs + lastMs) / 2);
}
