import { MemoryGate, memoryGate } from '../image/memory-gate.ts';

/** Makes the memory that threads share to bound the memory of images in progress. */
export function makeMemoryCells(): Int32Array<SharedArrayBuffer> {
  return new MemoryGate().cells;
}

/** What makers in several threads share: the memory that images in work take together. See {@link MemoryGate}. */
export function memoryCells(): Int32Array<SharedArrayBuffer> {
  return memoryGate().cells;
}
