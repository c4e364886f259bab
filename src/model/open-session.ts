import { sha256Of } from '../storage/hash-file.ts';
import { readFile } from 'node:fs/promises';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf, PixlakeError, toPixlakeError } from '../errors.ts';
import { checkModel, type FloatType, imageDims } from './check-model.ts';
import type { Device } from './devices.ts';
import { fromHalf, toHalf } from './half-float.ts';
import type { ModelCard, ModelOutput } from './model-card.ts';
import { valuesPerImage, valuesPerOutput } from './value-counts.ts';
import { type Prediction, readOutput } from './read-output.ts';
import { loadRuntime } from './runtime.ts';
import type { ModelFiles } from './model-files.ts';

/** A loaded model that labels images. Calls block their thread, so use it in a worker thread. */
export interface ModelSession {
  readonly card: ModelCard;
  readonly sha256: string;
  /**
   * Labels the first `count` images of a batch, at most the card's `batchSize`: for each image one prediction per
   * output, in the order of the card, or the error of that image.
   * @throws MODEL_FAILED if the whole batch failed.
   * @throws MODEL_MISMATCH if the size of an output differs from the card.
   */
  predict(batch: Float32Array, count: number): Promise<(Prediction[] | PixlakeError)[]>;
  close(): Promise<void>;
}

/** How to load a model: CPU threads of one call, and the device, by default `cpu`. */
export interface SessionOptions {
  readonly threads: number;
  readonly device?: Device | undefined;
}

/**
 * Loads a model, checks that its inputs and outputs match its card, and runs it once, which detects further errors and warms it
 * up. Its weights must be inside the `.onnx` file.
 * @throws MODEL_FAILED naming the file if it is not an ONNX model that runs here.
 * @throws MODEL_RUNTIME_MISSING if ONNX Runtime is not installed.
 * @throws DEVICE_UNAVAILABLE if ONNX Runtime cannot use the device here.
 * @throws MODEL_MISMATCH naming the input or output that differs from the card, or if the file was changed.
 */
export async function openModelSession(files: ModelFiles, options: SessionOptions): Promise<ModelSession> {
  const session = await load(files, options);
  try {
    const opened = new OnnxSession(session, files, checkModel(session, files));
    await opened.warmUp();
    return opened;
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Checks that a model matches its card and runs here. @throws as {@link openModelSession} does */
export async function checkModelRuns(files: ModelFiles, device?: Device): Promise<void> {
  const session = await openModelSession(files, { threads: 1, device });
  await session.close();
}

/** Loads the bytes that were hashed, not a file that may have changed since. */
async function load(
  { onnxPath, sha256 }: ModelFiles,
  { threads, device = 'cpu' }: SessionOptions,
): Promise<InferenceSession> {
  try {
    const bytes = await readFile(onnxPath);
    if (sha256Of(bytes) !== sha256) {
      throw new PixlakeError('MODEL_MISMATCH', `${onnxPath} was changed: its sha256 is no longer ${sha256}`);
    }
    const { InferenceSession: sessions, env } = await loadRuntime();
    // Fatal messages only, of the runtime here and of the session below: all others are also thrown, and would be printed outside of the log.
    env.logLevel = 'fatal';
    return await sessions.create(bytes, {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      // The sha256 does not cover weights in other files. With this folder, which is a file, none can be found.
      extra: { session: { model_external_initializers_file_folder_path: onnxPath } },
    });
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new PixlakeError('MODEL_NOT_FOUND', `${onnxPath} is gone`, { cause: error });
    if (device !== 'cpu' && /provider|backend|shared library/iu.test(messageOf(error))) {
      throw new PixlakeError(
        'DEVICE_UNAVAILABLE',
        `models cannot run on ${device} here: ${messageOf(error)}`,
        {
          cause: error,
          remedy: 'use the CPU, or install the CUDA libraries that onnxruntime-node needs',
        },
      );
    }
    throw new PixlakeError('MODEL_FAILED', `cannot load ${onnxPath}: ${messageOf(error)}`, { cause: error });
  }
}

class OnnxSession implements ModelSession {
  readonly card: ModelCard;
  readonly sha256: string;
  readonly #session: InferenceSession;
  readonly #onnxPath: string;
  readonly #isBatchFixed: boolean;
  readonly #inputType: FloatType;

  constructor(
    session: InferenceSession,
    { card, sha256, onnxPath }: ModelFiles,
    { isBatchFixed, inputType }: ReturnType<typeof checkModel>,
  ) {
    this.card = card;
    this.sha256 = sha256;
    this.#session = session;
    this.#onnxPath = onnxPath;
    this.#isBatchFixed = isBatchFixed;
    this.#inputType = inputType;
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
        return results.map(({ output, values }) => {
          const size = valuesPerOutput(output);
          return readOutput(values.subarray(image * size, (image + 1) * size), output);
        });
      } catch (error) {
        return toPixlakeError(error);
      }
    });
  }

  /** The first call is slower than others, and shows whether the model runs at all. */
  async warmUp(): Promise<void> {
    await this.#run(new Float32Array(valuesPerImage(this.card.input)), 1);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  /** The values [images, …] of each output, in the order of the card. */
  async #run(
    values: Float32Array,
    count: number,
  ): Promise<{ readonly output: ModelOutput; readonly values: Float32Array }[]> {
    const { input, outputs, batchSize } = this.card;
    const runCount = this.#isBatchFixed ? batchSize : count;
    const names = outputs.map(({ name }) => name);
    const padded = padTo(values, runCount * valuesPerImage(input));
    const dims = [runCount, ...imageDims(input)];
    const tensor = await makeTensor(this.#inputType, padded, dims);
    const results = await this.#session.run({ [input.name]: tensor }, names).catch((error: unknown) => {
      const reason = `${this.#onnxPath} failed on a batch of ${count}: ${messageOf(error)}`;
      throw new PixlakeError('MODEL_FAILED', reason, { cause: error });
    });
    return outputs.map((output) => {
      const result = results[output.name];
      const found = result === undefined ? undefined : toFloats(result);
      if (found?.length === runCount * valuesPerOutput(output)) return { output, values: found };
      throw new PixlakeError(
        'MODEL_MISMATCH',
        `${this.#onnxPath}: output "${output.name}" gave [${result?.dims.join(', ')}] for ${runCount} images, but the card lists ${valuesPerOutput(output)} ${output.kind === 'embedding' ? 'values' : 'labels'}`,
      );
    });
  }
}

async function makeTensor(type: FloatType, values: Float32Array, dims: readonly number[]): Promise<Tensor> {
  const { Tensor: tensors } = await loadRuntime();
  if (type === 'float32') return new tensors(type, values, dims);
  const bits = toHalf(values);
  // If JavaScript has Float16Array, the class converts the bits to one, which the native side cannot read.
  return Object.assign(new tensors(type, bits, dims), { cpuData: bits });
}

/** The values of a tensor. float16 comes as bits, or as numbers if JavaScript has Float16Array. */
function toFloats({ type, data }: Tensor): Float32Array | undefined {
  if (type === 'float32') return data as Float32Array;
  if (type !== 'float16') return undefined;
  return data instanceof Uint16Array ? fromHalf(data) : Float32Array.from(data as unknown as Float32Array);
}

function padTo(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const padded = new Float32Array(length);
  padded.set(values);
  return padded;
}
