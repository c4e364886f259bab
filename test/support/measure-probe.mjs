// Probes an image and prints by how many bytes the heap grew, and the verdict.
import { readFile } from 'node:fs/promises';
import { probeImage } from '../../dist/image/probe-image.js';

const bytes = await readFile(process.argv[2] ?? '');
const before = process.memoryUsage().heapUsed;
const { status } = await probeImage(bytes);
console.log(JSON.stringify({ status, grownBytes: process.memoryUsage().heapUsed - before }));
