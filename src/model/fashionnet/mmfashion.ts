import { PixlakeError } from '../../errors.ts';
import { weightsOf } from './checkpoint-weights.ts';
import { FASHIONNET_CATEGORIES } from './fashionnet.ts';
import { GraphBuilder, type WeightSource } from './graph-builder.ts';
import type { OnnxModel } from './onnx-writer.ts';
import type { TorchCheckpoint } from './torch-checkpoint.ts';

/** The source of the architecture, for model cards. */
export const MMFASHION_SOURCE =
  'Architecture: attribute predictor with landmark pooling (VGG-16) of github.com/open-mmlab/mmfashion';

/** Widths of mmfashion's attribute predictor with landmark pooling. */
export interface MmfashionShape {
  /** Channels of the first convolution; the published network has 64. */
  readonly firstChannels: number;
  readonly hiddenCount: number;
  readonly globalCount: number;
  readonly localCount: number;
  readonly fusedCount: number;
  readonly attributeCount: number;
  /** Whether it predicts categories too, as `RoIAttrCatePredictor` does and `RoIPredictor` does not. */
  readonly hasCategories: boolean;
}

/** Pixels x, y of an image of 224x224. */
export type Landmark = readonly [x: number, y: number];

/**
 * mmfashion takes landmarks as a second input, from annotations. A model of pixlake takes an image only, so all landmarks are what
 * mmfashion's data sets give for those that are not visible.
 */
export const UNKNOWN_LANDMARKS: readonly Landmark[] = Array.from({ length: 8 }, () => [0, 0]);

const INPUT_SIZE = 224;
/** Cells along each side of the last map. */
const MAP_SIZE = INPUT_SIZE / 32;
/** Points along each side that are read around a landmark; the largest counts. */
const ROI_SIZE = 2;

/** Modules of mmfashion, by the layers of pixlake's graph. */
const MODULES: Readonly<Record<string, string>> = {
  conv1_1: 'backbone.features.0',
  conv1_2: 'backbone.features.2',
  conv2_1: 'backbone.features.5',
  conv2_2: 'backbone.features.7',
  conv3_1: 'backbone.features.10',
  conv3_2: 'backbone.features.12',
  conv3_3: 'backbone.features.14',
  conv4_1: 'backbone.features.17',
  conv4_2: 'backbone.features.19',
  conv4_3: 'backbone.features.21',
  conv5_1: 'backbone.features.24',
  conv5_2: 'backbone.features.26',
  conv5_3: 'backbone.features.28',
  fc6_global: 'global_pool.global_layers.0',
  fc7_global: 'global_pool.global_layers.3',
  fc6_local: 'roi_pool.linear.0',
  fused: 'concat.fc_fusion',
  massive_attr_logits: 'attr_predictor.linear_attr',
  categories_logits: 'cate_predictor.linear_cate',
};

/** Whether a checkpoint has mmfashion's names for a VGG trunk. */
export function isMmfashion({ tensors }: TorchCheckpoint): boolean {
  return tensors.has('backbone.features.0.weight');
}

/**
 * The network of a checkpoint with its weights, and its shape.
 *
 * @throws `CHECKPOINT_INVALID` naming weights that are missing or have another shape
 */
export function readMmfashion(
  checkpoint: TorchCheckpoint,
  path: string,
): { readonly model: OnnxModel; readonly shape: MmfashionShape } {
  const outputCountOf = (layer: string): number => {
    const key = `${MODULES[layer]}.weight`;
    const count = checkpoint.tensors.get(key)?.dims[0];
    if (count !== undefined) return count;
    throw new PixlakeError('CHECKPOINT_INVALID', `${path}: weights "${key}" are missing`);
  };
  const shape = {
    firstChannels: outputCountOf('conv1_1'),
    hiddenCount: outputCountOf('fc6_global'),
    globalCount: outputCountOf('fc7_global'),
    localCount: outputCountOf('fc6_local'),
    fusedCount: outputCountOf('fused'),
    attributeCount: outputCountOf('massive_attr_logits'),
    hasCategories: checkpoint.tensors.has(`${MODULES['categories_logits']}.weight`),
  };
  const weights = weightsOf(checkpoint, path, MODULES);
  return { model: buildMmfashion(shape, weights, UNKNOWN_LANDMARKS), shape };
}

/**
 * The graph: `input` [N,3,224,224] → `massive_attr` and, if it has them, `categories` [N,50], after a sigmoid.
 * Features of the whole VGG-16 map and features read around the landmarks are fused by one layer.
 */
export function buildMmfashion(
  shape: MmfashionShape,
  weights: WeightSource,
  landmarks: readonly Landmark[],
): OnnxModel {
  const { firstChannels, hiddenCount, globalCount, localCount, fusedCount } = shape;
  const graph = new GraphBuilder(weights);
  const channels = 8 * firstChannels;
  let map = 'input';
  let inputCount = 3;
  for (const [index, [multiple, count]] of TRUNK.entries()) {
    const width = multiple * firstChannels;
    const widths = [inputCount, ...Array.from({ length: count }, () => width)];
    map = graph.maxPool(`pool${index + 1}`, graph.convolutions(`conv${index + 1}`, map, widths));
    inputCount = width;
  }
  const denseRelu = (name: string, input: string, from: number, to: number): string =>
    graph.op('Relu', [graph.dense(name, input, from, to, 1)], `${name}_positive`);

  const features = graph.op('Flatten', [map], 'features', { axis: 1 });
  const hidden = denseRelu('fc6_global', features, channels * MAP_SIZE ** 2, hiddenCount);
  const whole = denseRelu('fc7_global', hidden, hiddenCount, globalCount);
  const pooled = readAroundLandmarks(graph, map, landmarks, channels);
  const local = denseRelu('fc6_local', pooled, landmarks.length * channels, localCount);
  const both = graph.op('Concat', [whole, local], 'both', { axis: 1 });
  const fused = graph.dense('fused', both, globalCount + localCount, fusedCount, 1);

  const heads = [{ name: 'massive_attr', size: shape.attributeCount }];
  if (shape.hasCategories) heads.push({ name: 'categories', size: FASHIONNET_CATEGORIES.length });
  for (const { name, size } of heads)
    graph.op('Sigmoid', [graph.dense(`${name}_logits`, fused, fusedCount, size, 1)], name);
  return {
    name: 'mmfashion_vgg16',
    nodes: graph.nodes,
    tensors: graph.tensors,
    inputs: [{ name: 'input', dims: ['batch', 3, INPUT_SIZE, INPUT_SIZE] }],
    outputs: heads.map(({ name, size }) => ({ name, dims: ['batch', size] })),
    metadata: {},
  };
}

/** Multiples of the first width, and numbers of convolutions, of the five stages of VGG-16. */
const TRUNK = [
  [1, 2],
  [2, 2],
  [4, 3],
  [8, 3],
  [8, 3],
] as const;

/**
 * Reads `map` [N,C,7,7] at 2x2 points around each of L landmarks and keeps the largest; returns [N,L·C]. The places are the same in all images,
 * so reading between cells is one product with a constant.
 */
function readAroundLandmarks(
  graph: GraphBuilder,
  map: string,
  landmarks: readonly Landmark[],
  channels: number,
): string {
  const cellCount = MAP_SIZE ** 2;
  const pointCount = ROI_SIZE ** 2;
  const cells = graph.op('Reshape', [map, graph.integers('cells_shape', [-1, channels, cellCount])], 'cells');
  const shares = graph.floats('shares', [cellCount, landmarks.length * pointCount], sharesOfCells(landmarks));
  const points = graph.op('MatMul', [cells, shares], 'points');
  const shape = graph.integers('points_shape', [-1, channels, landmarks.length, pointCount]);
  const grouped = graph.op('Reshape', [points, shape], 'grouped');
  const largest = graph.op('ReduceMax', [grouped], 'largest', { axes: [3], keepdims: 0 });
  const byLandmark = graph.op('Transpose', [largest], 'by_landmark', { perm: [0, 2, 1] });
  const flat = graph.integers('local_shape', [-1, landmarks.length * channels]);
  return graph.op('Reshape', [byLandmark, flat], 'local');
}

/**
 * What each cell of the map contributes to each point, [cells, points]: torch's `affine_grid` and bilinear `grid_sample` with
 * `align_corners=False`, the default since torch 1.3, and `padding_mode="border"`.
 */
export function sharesOfCells(landmarks: readonly Landmark[]): Float32Array {
  const points = landmarks.flatMap(([x, y]) =>
    OFFSETS.flatMap((down) => OFFSETS.map((across) => [placeOf(x, across), placeOf(y, down)] as const)),
  );
  const shares = new Float32Array(MAP_SIZE ** 2 * points.length);
  for (const [index, [column, row]] of points.entries()) {
    for (let cell = 0; cell < MAP_SIZE ** 2; cell += 1) {
      const across = Math.max(0, 1 - Math.abs(column - (cell % MAP_SIZE)));
      const down = Math.max(0, 1 - Math.abs(row - Math.floor(cell / MAP_SIZE)));
      shares[cell * points.length + index] = across * down;
    }
  }
  return shares;
}

/** Middles of the two halves of the box around a landmark, in cells from it. */
const OFFSETS = [-ROI_SIZE / 4, ROI_SIZE / 4];

/** The place of a point on the map, in cells from the middle of the first; points beyond the middles of the outer cells move to them. */
function placeOf(pixel: number, offset: number): number {
  const place = (pixel / INPUT_SIZE) * MAP_SIZE + offset - 0.5;
  return Math.min(Math.max(place, 0), MAP_SIZE - 1);
}
