// Decodes an image as a run does and prints by how many bytes the peak of this process grew, and the estimate.
import { readFile } from 'node:fs/promises';
import { applyTransform } from '../../dist/image/apply-transform.js';
import { readHeader } from '../../dist/image/read-header.js';
import { DEFAULT_TRANSFORM, undrawn } from '../../dist/image/transform.js';

const TRANSFORM = { ...DEFAULT_TRANSFORM, crop: 0, size: 128 };

async function peakBytes() {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/u.exec(status)?.[1]) * 1024;
}

async function decode(bytes) {
  const { width, height, memoryBytes } = await readHeader(bytes);
  await applyTransform(bytes, TRANSFORM, undrawn({ width, height }));
  return memoryBytes;
}

const [small = '', large = ''] = process.argv.slice(2);
// What is loaded once is no image's share.
await decode(await readFile(small));
const bytes = await readFile(large);
const before = await peakBytes();
const memoryBytes = await decode(bytes);
console.log(JSON.stringify({ grownBytes: (await peakBytes()) - before, memoryBytes }));
