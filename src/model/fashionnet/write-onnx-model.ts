import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { encodeOnnxModel, type OnnxModel, readPieces } from './onnx-writer.ts';

/** Writes a model as an ONNX file, whole or not at all, and returns its sha256. Weights are streamed. */
export async function writeOnnxModel(path: string, model: OnnxModel): Promise<string> {
  const hash = createHash('sha256');
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await pipeline(
      readPieces(encodeOnnxModel(model)),
      async function* hashed(chunks) {
        for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(temporary, { flush: true }),
    );
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return hash.digest('hex');
}
