import { once } from 'node:events';
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemoryGate, memoryGate } from '../../src/image/memory-gate.ts';
import { probeImage } from '../../src/image/probe-image.ts';
import { transformOriginal } from '../../src/run/transform-original.ts';
import { parseProcessSpec } from '../../src/run/run-spec.ts';
import { drawNoise } from '../support/draw-images.ts';

const MIB = 1024 ** 2;

test('images in work take no more than the gate has, and all get their turn', async () => {
  const gate = MemoryGate.ofSize(200 * MIB);
  let [held, most, done] = [0, 0, 0];
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const needed = (40 + (index % 4) * 50) * MIB;
      await gate.hold(needed, async () => {
        held += needed;
        most = Math.max(most, held);
        await new Promise((resolve) => setImmediate(resolve));
        held -= needed;
        done += 1;
      });
    }),
  );
  expect(most).toBeLessThanOrEqual(200 * MIB);
  expect(most).toBeGreaterThan(100 * MIB);
  expect(done).toBe(40);
  // All of it is free again.
  expect(await gate.hold(200 * MIB, async () => 'held')).toBe('held');
});

test('a lease that is given back twice counts once', async () => {
  const gate = MemoryGate.ofSize(100 * MIB);
  const lease = await gate.acquire(60 * MIB);
  lease[Symbol.dispose]();
  lease[Symbol.dispose]();
  await gate.acquire(60 * MIB);
  const second = gate.acquire(60 * MIB);
  expect(await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 30, 'waits'))])).toBe(
    'waits',
  );
});

describe('the memory of a gate', () => {
  /** Units of 4,096 bytes: all, and those that are free. */
  const unitsOf = ({ cells }: MemoryGate): number[] => [...cells];

  test('is counted in whole units, as many as 32 bits can count', () => {
    expect(unitsOf(MemoryGate.ofSize(10 * 4096 + 4095))).toEqual([10, 10]);
    expect(MemoryGate.ofSize(10 * 4096 + 4095).totalBytes).toBe(40_960);
    expect(unitsOf(MemoryGate.ofSize(2 ** 50))).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
  });

  test('is half of that of the machine or container unless it is said otherwise', () => {
    const limit = process.constrainedMemory();
    const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
    expect(new MemoryGate().totalBytes).toBe(Math.floor(bytes / 2 / 4096) * 4096);
    expect(memoryGate(MemoryGate.ofSize(1).cells)).toBe(memoryGate());
  });

  test('is taken while an image is in work, rounded up, and given back', async () => {
    const gate = MemoryGate.ofSize(100 * MIB);
    const [all = 0] = unitsOf(gate);
    const held = gate.hold(40 * MIB + 1, async () => unitsOf(gate));
    expect(await held).toEqual([all, all - 40 * 256 - 1]);
    expect(unitsOf(gate)).toEqual([all, all]);
    await expect(
      gate.hold(40 * MIB, () => {
        throw new Error('damaged');
      }),
    ).rejects.toThrow('damaged');
    expect(unitsOf(gate)).toEqual([all, all]);
    (await gate.acquire(100 * MIB))[Symbol.dispose]();
    expect(unitsOf(gate)).toEqual([all, all]);
  });

  test('is not taken by an image of 32 MiB, and is by a larger one', async () => {
    const gate = MemoryGate.ofSize(64 * MIB);
    const [all = 0] = unitsOf(gate);
    const small = await gate.acquire(32 * MIB);
    expect(unitsOf(gate)).toEqual([all, all]);
    small[Symbol.dispose]();
    const larger = await gate.acquire(32 * MIB + 1);
    expect(unitsOf(gate)).toEqual([all, all - 8193]);
    larger[Symbol.dispose]();
    // Of either kind, work of a size that fits is done at once.
    expect(await MemoryGate.ofSize(1).hold(32 * MIB, async () => 'done')).toBe('done');
  });

  test('that is not enough for an image is told in whole mebibytes', async () => {
    const gate = MemoryGate.ofSize(40.5 * MIB);
    await expect(gate.acquire(40.5 * MIB + 1)).rejects.toMatchObject({
      code: 'WORKER_TOO_SMALL',
      message: 'an image takes 41 MiB of memory to decode; this machine has 40 MiB for images',
      remedy: expect.stringContaining('maxImageMemory') as string,
    });
    expect(await gate.hold(40.5 * MIB, async () => 'done')).toBe('done');
  });
});

test('threads share a gate by its cells', async () => {
  const gate = MemoryGate.ofSize(100 * MIB);
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(async ({ MemoryGate }) => {
      const gate = new MemoryGate(workerData.cells);
      parentPort.postMessage('starts');
      const lease = await gate.acquire(80 * 1024 ** 2);
      parentPort.postMessage('holds');
      parentPort.once('message', () => lease[Symbol.dispose]());
    });`;
  const module = new URL('../../dist/image/memory-gate.js', import.meta.url).href;
  const lease = await gate.acquire(80 * MIB);
  const worker = new Worker(code, { eval: true, workerData: { module, cells: gate.cells } });
  onTestFinished(async () => void (await worker.terminate()));
  expect(await once(worker, 'message')).toEqual(['starts']);
  const holds = once(worker, 'message');
  expect(await Promise.race([holds, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])).toBe(
    'waits',
  );
  lease[Symbol.dispose]();
  expect(await holds).toEqual(['holds']);
  const ours = gate.acquire(80 * MIB);
  expect(await Promise.race([ours, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])).toBe(
    'waits',
  );
  worker.postMessage('done', []);
  (await ours)[Symbol.dispose]();
});

test('an image that this machine cannot hold is an error and no verdict', async () => {
  const gate = MemoryGate.ofSize(40 * MIB);
  const create = { width: 2400, height: 2000, channels: 3, background: '#336699' } as const;
  const bytes = await sharp({ create }).webp({ effort: 0 }).toBuffer();
  const error = {
    code: 'WORKER_TOO_SMALL',
    status: 503,
    message: expect.stringMatching(
      /^an image takes \d+ MiB of memory to decode; this machine has 40 MiB for images$/u,
    ),
  };
  await expect(probeImage(bytes, undefined, gate)).rejects.toMatchObject(error);
  const original = { bytes, sha256: 'unused' };
  const work = parseProcessSpec({});
  const made = transformOriginal(original, work, { id: 'a', copy: 0 }, undefined, gate);
  await expect(made).rejects.toMatchObject(error);
  expect(await probeImage(bytes, undefined, MemoryGate.ofSize(400 * MIB))).toMatchObject({ status: 'ok' });
});

test('small images are not weighed', async () => {
  const bytes = await drawNoise(60, 80).jpeg().toBuffer();
  expect(await probeImage(bytes, undefined, MemoryGate.ofSize(MIB))).toMatchObject({ status: 'ok' });
});
