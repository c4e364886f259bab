import { availableParallelism, totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { defaultSandboxLimits } from '../../src/sandbox/sandbox-limits.ts';

const MIB = 1024 ** 2;

test.each([
  [1, 2, 1024 * MIB, 768 * MIB],
  [4, 4, 8192 * MIB, 1024 * MIB],
  [3, 3, 6001, 768 * MIB],
  [2, 2, 64 * 1024 * MIB, 2048 * MIB],
  [8, 8, 16_000 * MIB + 8, 1000 * MIB],
])('of %i cores, %i run queries; of %i bytes each gets %i', (cores, slots, memory, memoryBytes) => {
  expect(defaultSandboxLimits(cores, memory)).toEqual({
    slots,
    maxWaiting: 1024,
    maxWaitMs: 10_000,
    timeoutMs: 30_000,
    stallMs: 30_000,
    memoryBytes,
    diskBytes: 2048 * MIB,
    maxRows: 1_000_000,
    maxResultBytes: 1024 * MIB,
  });
});

test('without more said, the machine is this one', () => {
  expect(defaultSandboxLimits()).toEqual(defaultSandboxLimits(availableParallelism(), totalmem()));
});
