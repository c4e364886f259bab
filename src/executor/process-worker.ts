import { workerData } from 'node:worker_threads';
import { ImageMaker, type MadeImage, type ProcessTask, type UnmadeImage } from '../run/process-one.ts';

/** Data of the pool for its threads. */
export interface ProcessWorkerData {
  /** See {@link ImageMaker}. */
  readonly memoryCells: Int32Array<SharedArrayBuffer>;
}

const maker = new ImageMaker((workerData as ProcessWorkerData).memoryCells);

/** Entry of threads that make single images. */
export default async function makeImage(task: ProcessTask): Promise<MadeImage | UnmadeImage> {
  return maker.make(task);
}
