/** Field numbers of the protobuf messages, from onnx.proto (github.com/onnx/onnx, IR version 8). */
const MODEL = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, metadataProps: 14 } as const;
const OPERATOR_SET = { version: 2 } as const;
const METADATA = { key: 1, value: 2 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, float: 2, int: 3, ints: 8, type: 20 } as const;
const TENSOR = { dims: 1, dataType: 2, name: 8, rawBytes: 9 } as const;
const VALUE = { name: 1, type: 2 } as const;
const TYPE = { tensor: 1 } as const;
const TENSOR_TYPE = { elementType: 1, shape: 2 } as const;
const SHAPE = { dim: 1 } as const;
const DIM = { size: 1, symbol: 2 } as const;

const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;
const ELEMENT_TYPE = { float32: 1, int64: 7 } as const;
const IR_VERSION = 8;
const OPSET_VERSION = 17;

/** Protobuf wire types (protobuf.dev/programming-guides/encoding). */
const WIRE = { varint: 0, lengthDelimited: 2, fixed32: 5 } as const;

/** A known number of bytes that are made when they are written, so weights are never all in memory. */
export interface StreamedBytes {
  readonly length: number;
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Encoded bytes in pieces, written one after another; see {@link readPieces}. */
export type Pieces = readonly (Uint8Array | StreamedBytes)[];

/** A constant of the graph: weights, or a shape; the element type follows from the array, streamed values are float32, little-endian. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array | BigInt64Array | StreamedBytes;
}

/** Numbers are written as INT, lists as INTS, `{ float }` as FLOAT. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number };

/** One operator of the graph; `inputs` and `outputs` are value names. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A float32 input or output of the graph; a string in `dims` names a dimension of any size. */
export interface OnnxValue {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

/** A whole model: operators in execution order, inputs and outputs. */
export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Yields the bytes of pieces, chunk by chunk. */
export async function* readPieces(pieces: Pieces): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else yield* piece.chunks();
  }
}

/** Encodes a model as an ONNX file: a protobuf `ModelProto` of opset 17. */
export function encodeOnnxModel(model: OnnxModel): Pieces {
  const graph = [
    ...model.nodes.flatMap((node) => message(GRAPH.node, encodeNode(node))),
    ...text(GRAPH.name, model.name),
    ...model.tensors.flatMap((tensor) => message(GRAPH.initializer, encodeTensor(tensor))),
    ...model.inputs.flatMap((value) => message(GRAPH.input, encodeValue(value))),
    ...model.outputs.flatMap((value) => message(GRAPH.output, encodeValue(value))),
  ];
  return [
    integer(MODEL.irVersion, IR_VERSION),
    ...text(MODEL.producerName, 'pixlake'),
    ...message(MODEL.graph, graph),
    ...message(MODEL.opsetImport, [integer(OPERATOR_SET.version, OPSET_VERSION)]),
    ...Object.entries(model.metadata).flatMap(([key, value]) =>
      message(MODEL.metadataProps, [...text(METADATA.key, key), ...text(METADATA.value, value)]),
    ),
  ];
}

function encodeNode({ op, inputs, outputs, attributes = {} }: OnnxNode): Pieces {
  return [
    ...inputs.flatMap((input) => text(NODE.input, input)),
    ...outputs.flatMap((output) => text(NODE.output, output)),
    ...text(NODE.name, outputs.join(',')),
    ...text(NODE.opType, op),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      message(NODE.attribute, [...text(ATTRIBUTE.name, name), ...encodeAttributeValue(value)]),
    ),
  ];
}

function encodeAttributeValue(value: OnnxAttribute): Pieces {
  if (typeof value === 'number') {
    return [integer(ATTRIBUTE.int, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.int)];
  }
  if ('float' in value) {
    return [...float(ATTRIBUTE.float, value.float), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float)];
  }
  return [
    ...value.map((item) => integer(ATTRIBUTE.ints, item)),
    integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints),
  ];
}

function encodeTensor({ name, dims, values }: OnnxTensor): Pieces {
  const elementType = values instanceof BigInt64Array ? ELEMENT_TYPE.int64 : ELEMENT_TYPE.float32;
  const bytes =
    'chunks' in values ? values : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [
    ...dims.map((dim) => integer(TENSOR.dims, dim)),
    integer(TENSOR.dataType, elementType),
    ...text(TENSOR.name, name),
    ...message(TENSOR.rawBytes, [bytes]),
  ];
}

function encodeValue({ name, dims }: OnnxValue): Pieces {
  const shape = dims.flatMap((dim) =>
    message(SHAPE.dim, typeof dim === 'string' ? text(DIM.symbol, dim) : [integer(DIM.size, dim)]),
  );
  const tensorType = [
    integer(TENSOR_TYPE.elementType, ELEMENT_TYPE.float32),
    ...message(TENSOR_TYPE.shape, shape),
  ];
  return [...text(VALUE.name, name), ...message(VALUE.type, message(TYPE.tensor, tensorType))];
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(tag(field, WIRE.varint)), ...varint(value)]);
}

function float(field: number, value: number): Pieces {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [Uint8Array.from(varint(tag(field, WIRE.fixed32))), bytes];
}

function text(field: number, value: string): Pieces {
  return message(field, [new TextEncoder().encode(value)]);
}

function message(field: number, content: Pieces): Pieces {
  const sizeBytes = content.reduce((sum, chunk) => sum + chunk.length, 0);
  return [Uint8Array.from([...varint(tag(field, WIRE.lengthDelimited)), ...varint(sizeBytes)]), ...content];
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** Seven bits per byte, lowest first. Negative numbers are in 64-bit two's complement. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}
