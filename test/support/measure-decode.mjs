// Decodes an image as a run does and prints by how many bytes the peak of this process grew, and the estimate.
import { readFile } from 'node:fs/promises';
import { applyTransform } from '../../dist/image/apply-transform.js';
import { readHeader } from '../../dist/image/read-header.js';

const TRANSFORM = {
  crop: 0,
  size: 128,
  fit: 'contain',
  background: '#ffffff',
  flip: 0,
  rotate: 0,
  brightness: 0,
  blur: 0,
  format: 'jpeg',
  quality: 90,
};
const DRAWN = { cropLeft: 0, cropTop: 0, isFlipped: false, rotation: 0, brightness: 1, blur: 0 };

async function peakBytes() {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/u.exec(status)?.[1]) * 1024;
}

async function decode(bytes) {
  const { width, height, memoryBytes } = await readHeader(bytes);
  await applyTransform(bytes, TRANSFORM, { ...DRAWN, cropWidth: width, cropHeight: height });
  return memoryBytes;
}

const [small = '', large = ''] = process.argv.slice(2);
// What is loaded once is no image's share.
await decode(await readFile(small));
const bytes = await readFile(large);
const before = await peakBytes();
const memoryBytes = await decode(bytes);
console.log(JSON.stringify({ grownBytes: (await peakBytes()) - before, memoryBytes }));
