import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf, PixlakeError, toPixlakeError } from '../errors.ts';
import { checkModel, imageDims } from './check-model.ts';
import { type ModelCard, type ModelOutput, valuesPerImage } from './model-card.ts';
import { type Prediction, rankLabels } from './rank-labels.ts';
import type { ModelFiles } from './resolve-model.ts';

/** A loaded model that labels images; its calls block the thread they are made on, so it belongs in a worker thread. */
export interface ModelSession {
  readonly card: ModelCard;
  readonly sha256: string;
  /**
   * Labels the first `count` images of a batch filled by `toTensor`, at most the card's `batchSize`: for each image one
   * prediction per output, in the order of the card, or why that image alone failed.
   * @throws MODEL_FAILED if the whole batch failed.
   * @throws MODEL_MISMATCH if an output is not of the size that the card states.
   */
  predict(batch: Float32Array, count: number): Promise<(Prediction[] | PixlakeError)[]>;
  close(): Promise<void>;
}

/**
 * Loads a model with `threads` CPU threads and checks that it takes and gives what its card states. Its weights must be
 * inside the `.onnx` file.
 * @throws MODEL_FAILED naming the file if it is not an ONNX model that runs here.
 * @throws MODEL_MISMATCH naming the input or output that differs from the card, or if the file was changed.
 */
export async function openModelSession(
  files: ModelFiles,
  { threads }: { readonly threads: number },
): Promise<ModelSession> {
  const session = await load(files, threads);
  try {
    const { isBatchFixed } = checkModel(session, files);
    return new OnnxSession(session, files, isBatchFixed);
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Loads the very bytes whose sha256 is recorded, not what may be at the path a moment later. */
async function load({ onnxPath, sha256 }: ModelFiles, threads: number): Promise<InferenceSession> {
  try {
    const bytes = await readFile(onnxPath);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
      throw new PixlakeError('MODEL_MISMATCH', `${onnxPath} was changed: its sha256 is no longer ${sha256}`);
    }
    return await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Fatal messages only: all others are thrown too, and would be printed past the program's log.
      logSeverityLevel: 4,
      // Weights in other files would not be covered by the sha256; below a file there are none to be found.
      extra: { session: { model_external_initializers_file_folder_path: onnxPath } },
    });
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('MODEL_FAILED', `cannot load ${onnxPath}: ${messageOf(error)}`, { cause: error });
  }
}

class OnnxSession implements ModelSession {
  readonly card: ModelCard;
  readonly sha256: string;
  readonly #session: InferenceSession;
  readonly #onnxPath: string;
  readonly #isBatchFixed: boolean;

  constructor(session: InferenceSession, { card, sha256, onnxPath }: ModelFiles, isBatchFixed: boolean) {
    this.card = card;
    this.sha256 = sha256;
    this.#session = session;
    this.#onnxPath = onnxPath;
    this.#isBatchFixed = isBatchFixed;
  }

  async predict(batch: Float32Array, count: number): Promise<(Prediction[] | PixlakeError)[]> {
    const { batchSize } = this.card;
    const valueCount = valuesPerImage(this.card.input);
    if (count < 0 || count > batchSize || batch.length < count * valueCount) {
      throw new PixlakeError(
        'INTERNAL_ERROR',
        `cannot label ${count} images of ${valueCount} values, given ${batch.length} values and batches of ${batchSize}`,
      );
    }
    if (count === 0) return [];
    const results = await this.#run(batch.subarray(0, count * valueCount), count);
    return Array.from({ length: count }, (_, image) => {
      try {
        return results.map(({ output, scores }) => {
          const labelCount = output.labels.length;
          return rankLabels(scores.subarray(image * labelCount, (image + 1) * labelCount), output);
        });
      } catch (error) {
        return toPixlakeError(error);
      }
    });
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  /** The scores [images, labels] of each output, in the order of the card. */
  async #run(
    values: Float32Array,
    count: number,
  ): Promise<{ readonly output: ModelOutput; readonly scores: Float32Array }[]> {
    const { input, outputs, batchSize } = this.card;
    const runCount = this.#isBatchFixed ? batchSize : count;
    const names = outputs.map(({ name }) => name);
    const padded = padTo(values, runCount * valuesPerImage(input));
    const feeds = { [input.name]: new Tensor('float32', padded, [runCount, ...imageDims(input)]) };
    const results = await this.#session.run(feeds, names).catch((error: unknown) => {
      const reason = `${this.#onnxPath} failed on a batch of ${count}: ${messageOf(error)}`;
      throw new PixlakeError('MODEL_FAILED', reason, { cause: error });
    });
    return outputs.map((output) => {
      const { name, labels } = output;
      const result = results[name];
      if (!(result?.data instanceof Float32Array) || result.data.length !== runCount * labels.length) {
        throw new PixlakeError(
          'MODEL_MISMATCH',
          `${this.#onnxPath}: output "${name}" gave [${result?.dims.join(', ')}] for ${runCount} images, but the card lists ${labels.length} labels`,
        );
      }
      return { output, scores: result.data };
    });
  }
}

function padTo(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const padded = new Float32Array(length);
  padded.set(values);
  return padded;
}
