import { ImageMaker, type MadeImage, type ProcessTask, type UnmadeImage } from '../run/process-one.ts';

const maker = new ImageMaker();

/** Entry of the threads that make single images. */
export default async function makeImage(task: ProcessTask): Promise<MadeImage | UnmadeImage> {
  return maker.make(task);
}
