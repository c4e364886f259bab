import type { OnnxAttribute, OnnxNode, OnnxTensor, StreamedBytes } from './onnx-writer.ts';

/** Slope of LeakyReLU below zero. */
const LEAKY_SLOPE = 0.01;

/** Source of the weights of a network; `bound` is the range for random weights. */
export type WeightSource = (name: string, dims: readonly number[], bound: number) => StreamedBytes;

/**
 * Collects the operators of a network and its constants, with weights from a source; every method returns the name of
 * the value it adds.
 */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #source: WeightSource;

  constructor(source: WeightSource) {
    this.#source = source;
  }

  op(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    this.nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }

  /** 3x3 convolutions with ReLU, from `channels[0]` inputs through the others. */
  convolutions(scope: string, input: string, channels: readonly number[]): string {
    return channels.slice(1).reduce((value, outputCount, index) => {
      const name = `${scope}_${index + 1}`;
      const inputCount = channels[index] ?? 0;
      const weights = this.#weights(name, [outputCount, inputCount, 3, 3], heBound(inputCount * 9));
      const shape = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
      return this.op('Relu', [this.op('Conv', [value, ...weights], `${name}_sum`, shape)], name);
    }, input);
  }

  maxPool(name: string, input: string): string {
    return this.op('MaxPool', [input], name, { kernel_shape: [2, 2], strides: [2, 2] });
  }

  /** A fully connected layer without activation; weights reach ±`spread`/√inputCount. */
  dense(name: string, input: string, inputCount: number, outputCount: number, spread: number): string {
    const weights = this.#weights(name, [outputCount, inputCount], spread / Math.sqrt(inputCount));
    return this.op('Gemm', [input, ...weights], name, { transB: 1 });
  }

  /** A fully connected layer with LeakyReLU. */
  denseLeaky(name: string, input: string, inputCount: number, outputCount: number): string {
    const weights = this.#weights(name, [outputCount, inputCount], heBound(inputCount));
    const sum = this.op('Gemm', [input, ...weights], `${name}_sum`, { transB: 1 });
    return this.op('LeakyRelu', [sum], name, { alpha: { float: LEAKY_SLOPE } });
  }

  scalar(name: string, value: number): string {
    return this.#tensor(name, [], Float32Array.of(value));
  }

  integer(name: string, value: number): string {
    return this.#tensor(name, [], BigInt64Array.of(BigInt(value)));
  }

  integers(name: string, values: readonly number[]): string {
    return this.#tensor(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  floats(name: string, dims: readonly number[], values: Float32Array): string {
    return this.#tensor(name, dims, values);
  }

  #weights(name: string, dims: readonly number[], bound: number): string[] {
    const [outputCount = 0] = dims;
    const weight = `${name}.weight`;
    const bias = `${name}.bias`;
    return [
      this.#tensor(weight, dims, this.#source(weight, dims, bound)),
      this.#tensor(bias, [outputCount], this.#source(bias, [outputCount], 0)),
    ];
  }

  #tensor(name: string, dims: readonly number[], values: OnnxTensor['values']): string {
    this.tensors.push({ name, dims, values });
    return name;
  }
}

/**
 * Range of weights before a ReLU by He et al. 2015, eq. 10; uniform and not normal, because that needs no logarithm,
 * whose last bit may differ between machines.
 */
function heBound(inputCount: number): number {
  return Math.sqrt(6 / inputCount);
}

/** Random weights from ±bound, which depend only on `seed` and the name of the tensor. Biases have the bound 0 and are 0. */
export function randomWeights(seed: number): WeightSource {
  return (name, dims, bound) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return {
      length: count * Float32Array.BYTES_PER_ELEMENT,
      *chunks() {
        const random = mulberry32(seedOf(seed, name));
        for (let start = 0; start < count; start += CHUNK_VALUES) {
          const values = new Float32Array(Math.min(CHUNK_VALUES, count - start));
          if (bound > 0) for (let i = 0; i < values.length; i += 1) values[i] = bound * (2 * random() - 1);
          yield new Uint8Array(values.buffer);
        }
      },
    };
  };
}

const CHUNK_VALUES = 2 ** 18;

/** FNV-1a over the name, from the seed on. */
function seedOf(seed: number, name: string): number {
  let hash = (0x81_1c_9d_c5 ^ seed) >>> 0;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01_00_01_93) >>> 0;
  return hash;
}

/** Random numbers in [0, 1) with 32 bits of state: Mulberry32 by Tommy Ettinger. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
