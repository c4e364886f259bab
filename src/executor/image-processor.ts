import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ImageProcessor, MadeImage, UnmadeImage } from '../run/process-one.ts';
import type { ProcessWorkerData } from './process-worker.ts';
import { memoryCells } from '../run/memory-cells.ts';

/** Maximum number of images that wait for a thread. */
const MAX_QUEUED = 1024;

/** An idle thread ends after this time, together with its model. */
const IDLE_MS = 60_000;

/** Makes single images in worker threads, which start when needed. */
export function createImageProcessor(): ImageProcessor {
  const pool = new Piscina({
    filename: new URL('./process-worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: availableParallelism(),
    // Not used, and not available in Deno.
    recordTiming: false,
    maxQueue: MAX_QUEUED,
    idleTimeout: IDLE_MS,
    workerData: { memoryCells: memoryCells() } satisfies ProcessWorkerData,
  });
  return {
    async process(task) {
      let outcome: MadeImage | UnmadeImage;
      try {
        outcome = (await pool.run(task)) as MadeImage | UnmadeImage;
      } catch (error) {
        const isFull = pool.queueSize >= MAX_QUEUED;
        throw new PixlakeError(isFull ? 'SERVER_BUSY' : 'INTERNAL_ERROR', messageOf(error), { cause: error });
      }
      // This error is about the machine and not about the image.
      if ('error' in outcome && outcome.error.code === 'WORKER_TOO_SMALL') {
        const { code, message, remedy } = outcome.error;
        throw new PixlakeError(code, message, remedy === undefined ? {} : { remedy });
      }
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await pool.close();
    },
  };
}
