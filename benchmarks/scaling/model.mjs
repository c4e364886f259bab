// From what was measured to any number of images: start plus images times what one takes, with the uncertainty of the measurements.
import { PRICES as RUN_PRICES } from '../../dist/run/run-price.js';
import { median } from '../median.mjs';

/** Cores of the machine that prices are for. */
export const MACHINE_CORES = 8;

/** List prices in US dollars, those of `run --dry-run`. */
export const PRICES = {
  machineType: 'c7i.2xlarge, 8 vCPU',
  machineHour: RUN_PRICES.vcpuHour * MACHINE_CORES,
  get: RUN_PRICES.get,
  put: RUN_PRICES.put,
  gbMonth: RUN_PRICES.gbMonth,
};

/** A line through what a small and a large number of images took, and the flattest and steepest line that the repeats allow; in seconds. */
function fitLine(points, field) {
  const [small, large] = points;
  const images = large.images - small.images;
  const slope = (late, early) => Math.max(0, (late - early) / images);
  const each = slope(median(large[field]), median(small[field]));
  return {
    start: Math.max(0, median(small[field]) - small.images * each),
    each,
    low: slope(Math.min(...large[field]), Math.max(...small[field])),
    high: slope(Math.max(...large[field]), Math.min(...small[field])),
  };
}

/**
 * Start and seconds for each image of a job on a machine with `cores`. Where a server shared the cores, the least and the likely time are those of
 * pixlake's own computing time, since the server of others runs elsewhere; the most is what was measured.
 */
export function fitJob({ place, points }, cores) {
  const wall = fitLine(points, 'seconds');
  if (place === 'folder') return wall;
  const cpu = fitLine(points, 'cpuSeconds');
  return { start: wall.start, each: cpu.each / cores, low: cpu.low / cores, high: wall.high };
}

/** Seconds for a number of images. */
export function secondsOf({ start, each, low, high }, images) {
  return { seconds: start + images * each, low: start + images * low, high: start + images * high };
}

/**
 * How many times as fast `cores` are than the two that were measured: at most in proportion, at least by Amdahl's law with the share that kept two
 * workers from being twice as fast as one.
 */
export function speedUp({ points }, cores) {
  const secondsWith = (count) => points.find(({ workers }) => workers === count).seconds;
  const measured = secondsWith(1) / secondsWith(2);
  const serial = Math.max(0, 2 / measured - 1);
  const amdahl = (count) => 1 / (serial + (1 - serial) / count);
  return { measured, least: amdahl(cores) / amdahl(2), most: cores / 2 };
}
