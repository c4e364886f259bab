import { describe, expect, it } from 'vitest';
import { encodeOnnxModel, type OnnxModel, readPieces } from '../../../src/model/fashionnet/onnx-writer.ts';
import { decode, find } from './read-protobuf.ts';

const EMPTY: OnnxModel = { name: 'm', nodes: [], tensors: [], inputs: [], outputs: [], metadata: {} };

async function encode(model: OnnxModel): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readPieces(encodeOnnxModel(model))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Texts and whole numbers of a message, in their order. */
const readable = (bytes: Buffer): unknown[] =>
  decode(bytes).map(([field, value]) => [field, Buffer.isBuffer(value) ? value.toString('latin1') : value]);

const GRAPH = 7;

describe('a model', () => {
  it('names its version, its producer and its operators', async () => {
    const bytes = await encode({ ...EMPTY, metadata: { a: '1', b: '2' } });
    expect(readable(bytes)).toEqual([
      [1, 8],
      [2, 'pixlake'],
      [7, '\u0012\u0001m'],
      [8, '\u0010\u0011'],
      [14, '\n\u0001a\u0012\u00011'],
      [14, '\n\u0001b\u0012\u00012'],
    ]);
  });

  it('has nodes with attributes of all kinds', async () => {
    const attributes = { one: -2, many: [1, 300], real: { float: 0.5 } };
    const node = { op: 'Conv', inputs: ['x', 'w'], outputs: ['y', 'z'], attributes };
    const bytes = await encode({ ...EMPTY, nodes: [node, { op: 'Relu', inputs: ['y'], outputs: ['v'] }] });
    const [first, second] = decode(find(bytes, GRAPH)).filter(([field]) => field === 1);
    const encoded = first?.[1] as Buffer;
    expect(readable(encoded).slice(0, 6)).toEqual([
      [1, 'x'],
      [1, 'w'],
      [2, 'y'],
      [2, 'z'],
      [3, 'y,z'],
      [4, 'Conv'],
    ]);
    const [one, many, real] = decode(encoded)
      .filter(([field]) => field === 5)
      .map(([, value]) => value as Buffer);
    expect(readable(one ?? Buffer.alloc(0))).toEqual([
      [1, 'one'],
      [3, -2],
      [20, 2],
    ]);
    expect(readable(many ?? Buffer.alloc(0))).toEqual([
      [1, 'many'],
      [8, 1],
      [8, 300],
      [20, 7],
    ]);
    expect(readable(real ?? Buffer.alloc(0))).toEqual([
      [1, 'real'],
      [2, '\0\0\0?'],
      [20, 1],
    ]);
    expect(readable(second?.[1] as Buffer)).toEqual([
      [1, 'y'],
      [2, 'v'],
      [3, 'v'],
      [4, 'Relu'],
    ]);
  });

  it('has constants of both kinds, and streamed ones', async () => {
    const values = Float32Array.of(9, 1, 2).subarray(1);
    const bytes = await encode({
      ...EMPTY,
      tensors: [
        { name: 'f', dims: [2, 1], values },
        { name: 'i', dims: [], values: BigInt64Array.of(-1n) },
        { name: 's', dims: [1], values: { length: 4, chunks: () => [Buffer.from('ab'), Buffer.from('cd')] } },
      ],
    });
    const tensors = decode(find(bytes, GRAPH))
      .filter(([field]) => field === 5)
      .map(([, value]) => value as Buffer);
    expect(tensors.map(readable)).toEqual([
      [
        [1, 2],
        [1, 1],
        [2, 1],
        [8, 'f'],
        [9, '\0\0\u0080?\0\0\0@'],
      ],
      [
        [2, 7],
        [8, 'i'],
        [9, '\u00ff'.repeat(8)],
      ],
      [
        [1, 1],
        [2, 1],
        [8, 's'],
        [9, 'abcd'],
      ],
    ]);
  });

  it('has inputs and outputs with sizes that are known or named', async () => {
    const bytes = await encode({
      ...EMPTY,
      inputs: [{ name: 'x', dims: ['batch', 200] }],
      outputs: [{ name: 'y', dims: [] }],
    });
    const graph = find(bytes, GRAPH);
    expect(readable(graph).map((field) => (field as unknown[])[0])).toEqual([2, 11, 12]);
    expect(readable(find(graph, 11))[0]).toEqual([1, 'x']);
    const tensor = find(graph, 11, 2, 1);
    expect(readable(tensor)[0]).toEqual([1, 1]);
    expect(decode(find(tensor, 2)).map(([, value]) => readable(value as Buffer))).toEqual([
      [[2, 'batch']],
      [[1, 200]],
    ]);
    expect(find(graph, 12, 2, 1, 2)).toHaveLength(0);
  });

  it('knows its length before streamed weights are made', () => {
    let isMade = false;
    const values = {
      length: 1000,
      chunks: () => {
        isMade = true;
        return [Buffer.alloc(1000)];
      },
    };
    const pieces = encodeOnnxModel({ ...EMPTY, tensors: [{ name: 's', dims: [250], values }] });
    expect(isMade).toBe(false);
    expect(pieces).toContain(values);
  });
});
