import { describe, expect, it } from 'vitest';
import { GraphBuilder, randomWeights } from '../../../src/model/fashionnet/graph-builder.ts';

/** A graph whose weights are only named, with the ranges that they were asked for in. */
function build(add: (graph: GraphBuilder) => string) {
  const asked: unknown[] = [];
  const graph = new GraphBuilder((name, dims, bound) => {
    asked.push([name, dims, Number(bound.toFixed(6))]);
    return { length: 0, chunks: () => [] };
  });
  const output = add(graph);
  return {
    output,
    asked,
    nodes: graph.nodes.map(({ op, inputs, outputs, attributes }) => [
      op,
      inputs.join(),
      outputs.join(),
      attributes,
    ]),
    tensors: graph.tensors.map(({ name, dims, values }) => [
      name,
      dims,
      'chunks' in values ? 'weights' : values,
    ]),
  };
}

describe('a network', () => {
  it('has convolutions with ReLU, one behind the other', () => {
    const shape = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
    expect(build((graph) => graph.convolutions('conv1', 'in', [3, 6, 8]))).toEqual({
      output: 'conv1_2',
      nodes: [
        ['Conv', 'in,conv1_1.weight,conv1_1.bias', 'conv1_1_sum', shape],
        ['Relu', 'conv1_1_sum', 'conv1_1', {}],
        ['Conv', 'conv1_1,conv1_2.weight,conv1_2.bias', 'conv1_2_sum', shape],
        ['Relu', 'conv1_2_sum', 'conv1_2', {}],
      ],
      // √(6 / 27) and √(6 / 54); biases are zero.
      asked: [
        ['conv1_1.weight', [6, 3, 3, 3], 0.471_405],
        ['conv1_1.bias', [6], 0],
        ['conv1_2.weight', [8, 6, 3, 3], 0.333_333],
        ['conv1_2.bias', [8], 0],
      ],
      tensors: [
        ['conv1_1.weight', [6, 3, 3, 3], 'weights'],
        ['conv1_1.bias', [6], 'weights'],
        ['conv1_2.weight', [8, 6, 3, 3], 'weights'],
        ['conv1_2.bias', [8], 'weights'],
      ],
    });
  });

  it('has layers that connect all with all, with and without activation', () => {
    expect(build((graph) => graph.dense('loc', 'in', 16, 4, 64))).toEqual({
      output: 'loc',
      nodes: [['Gemm', 'in,loc.weight,loc.bias', 'loc', { transB: 1 }]],
      asked: [
        ['loc.weight', [4, 16], 16],
        ['loc.bias', [4], 0],
      ],
      tensors: [
        ['loc.weight', [4, 16], 'weights'],
        ['loc.bias', [4], 'weights'],
      ],
    });
    expect(build((graph) => graph.denseLeaky('fc', 'in', 24, 4))).toMatchObject({
      output: 'fc',
      nodes: [
        ['Gemm', 'in,fc.weight,fc.bias', 'fc_sum', { transB: 1 }],
        ['LeakyRelu', 'fc_sum', 'fc', { alpha: { float: 0.01 } }],
      ],
      asked: [
        ['fc.weight', [4, 24], 0.5],
        ['fc.bias', [4], 0],
      ],
    });
  });

  it('has pools, and constants of whole and other numbers', () => {
    expect(build((graph) => graph.maxPool('pool', 'in'))).toMatchObject({
      output: 'pool',
      nodes: [['MaxPool', 'in', 'pool', { kernel_shape: [2, 2], strides: [2, 2] }]],
    });
    const constants = build((graph) =>
      [graph.scalar('a', 0.5), graph.integer('b', 7), graph.integers('c', [-1, 2])].join(),
    );
    expect(constants).toMatchObject({ output: 'a,b,c', nodes: [] });
    expect(constants.tensors).toEqual([
      ['a', [], Float32Array.of(0.5)],
      ['b', [], BigInt64Array.of(7n)],
      ['c', [2], BigInt64Array.of(-1n, 2n)],
    ]);
  });
});

describe('random weights', () => {
  const read = (seed: number, name: string, dims: readonly number[], bound: number): Float32Array => {
    const streamed = randomWeights(seed)(name, dims, bound);
    const bytes = Buffer.concat([...(streamed.chunks() as Iterable<Uint8Array>)]);
    expect(bytes).toHaveLength(streamed.length);
    return new Float32Array(Uint8Array.from(bytes).buffer);
  };

  it('stay as they were in the first release, so that checksums of models stay true', () => {
    expect(Array.from(read(20_160_626, 'conv1_1.weight', [2, 2], 1))).toMatchInlineSnapshot(`
      [
        0.5013397336006165,
        -0.001979540102183819,
        -0.1521456092596054,
        -0.4130866825580597,
      ]
    `);
  });

  it('reach the range that is asked for, either way, and depend on seed and name', () => {
    const values = read(1, 'a', [10, 100], 0.5);
    expect(values).toHaveLength(1000);
    expect(Math.max(...values)).toBeLessThan(0.5);
    expect(Math.max(...values)).toBeGreaterThan(0.49);
    expect(Math.min(...values)).toBeLessThan(-0.49);
    expect(read(1, 'a', [10, 100], 0.5)).toEqual(values);
    expect(read(2, 'a', [10, 100], 0.5)).not.toEqual(values);
    expect(read(1, 'b', [10, 100], 0.5)).not.toEqual(values);
  });

  it('are zero for a range of none, and one for no dimension', () => {
    expect([...read(1, 'a', [3], 0)]).toEqual([0, 0, 0]);
    expect(read(1, 'a', [], 1)).toHaveLength(1);
  });

  it('come in chunks of a mebibyte that go on where the one before ended', () => {
    const streamed = randomWeights(1)('a', [2 ** 18 + 3], 1);
    expect(Array.from(streamed.chunks() as Iterable<Uint8Array>, ({ length }) => length)).toEqual([
      2 ** 20,
      12,
    ]);
    const [first = 0, last = 0] = [read(1, 'a', [2 ** 18 + 3], 1)].flatMap((values) => [
      values[0],
      values[2 ** 18],
    ]);
    expect(last).not.toBe(first);
  });
});
