import { expect, test } from 'vitest';
import { describeEstimate } from '../../src/cli/describe-estimate.ts';

test('an estimate says how long, how much, and what it costs on S3', () => {
  const estimate = {
    measured: { imageCount: 1200, seconds: 2.1, workers: 1 },
    imageCount: 10_000,
    seconds: 125.4,
    readBytes: 14_200_000,
    writtenBytes: 47_100_000,
    requests: { get: 10_300, put: 10_200 },
    price: { requests: 0.05512, machine: 0, storageMonth: 12.3456 },
  };
  expect(describeEstimate(estimate)).toEqual([
    'takes about 2 min 05 s on 1 worker, as measured on 1,200 of 10,000 images; reads 14.2 MB and writes 47.1 MB',
    'on S3 that is 10,300 GET and 10,200 PUT: $0.055, $0.00 for the machine, and $12.35 a month for storage',
  ]);
  const cheap = {
    ...estimate,
    measured: { ...estimate.measured, workers: 2 },
    price: { requests: 3.4e-5, machine: 1e-9, storageMonth: 1 },
  };
  expect(describeEstimate(cheap)[0]).toContain('on 2 workers');
  expect(describeEstimate(cheap)[1]).toContain(
    'PUT: $0.000034, $0.000000 for the machine, and $1.00 a month',
  );
});
