import type { RunEstimate } from '../run/estimate-run.ts';
import { formatBytes, formatCount, formatSeconds } from './progress-bar.ts';

/** What a run will take, in lines for people. */
export function describeEstimate(estimate: RunEstimate): string[] {
  const { measured, imageCount, seconds, readBytes, writtenBytes, requests, price } = estimate;
  return [
    `takes about ${formatSeconds(seconds)} on ${measured.workers} ${measured.workers === 1 ? 'worker' : 'workers'}, as measured on ${formatCount(measured.imageCount)} of ${formatCount(imageCount)} images; reads ${formatBytes(readBytes)} and writes ${formatBytes(writtenBytes)}`,
    `on S3 that is ${formatCount(requests.get)} GET and ${formatCount(requests.put)} PUT: ${formatDollars(price.requests)}, ${formatDollars(price.machine)} for the machine, and ${formatDollars(price.storageMonth)} a month for storage`,
  ];
}

/** Dollars with two digits that count, such as `$0.0042`. */
function formatDollars(dollars: number): string {
  const digits = dollars >= 1 || dollars === 0 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(dollars)));
  return `$${dollars.toFixed(digits)}`;
}
