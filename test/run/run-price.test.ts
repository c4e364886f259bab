import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import type { Execution } from '../../src/run/execution-schema.ts';
import { priceOf, requestsOf } from '../../src/run/run-price.ts';

test('requests are one for each original and image, and few for each shard, block and run', () => {
  const execution = { shardCount: 1001, run: { copies: 3 } } as Execution;
  expect(requestsOf(execution, 3001)).toEqual({
    get: 1001 + 1001 * 3 + 2 * 3 + 40,
    put: 3001 + 1001 * 2 + 2 * 3 + 20,
  });
});

test('the price is that of the requests, of the cores for the time, and of a month of storage', () => {
  const price = priceOf({ get: 1e6, put: 1e6 }, 2e9, 3600);
  expect(price.requests).toBeCloseTo(0.4 + 5, 9);
  expect(price.machine).toBeCloseTo((0.357 / 8) * availableParallelism(), 9);
  expect(price.storageMonth).toBeCloseTo(0.046, 9);
});
