import { PixlakeError } from '../../errors.ts';
import { GraphBuilder, randomWeights, type WeightSource } from './graph-builder.ts';
import type { ModelCardSpec } from '../model-card.ts';
import type { OnnxModel } from './onnx-writer.ts';
import { writeOnnxModel } from './write-onnx-model.ts';

const UPPER_BODY =
  'Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie Jacket Jersey Parka Peacoat Poncho Sweater Tank Tee Top Turtleneck';
const LOWER_BODY =
  'Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers Leggings Sarong Shorts Skirt Sweatpants Sweatshorts Trunks';
const FULL_BODY =
  'Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress Onesie Robe Romper Shirtdress Sundress';

/** The 50 clothing categories in the order of the DeepFashion benchmark. */
export const FASHIONNET_CATEGORIES: readonly string[] = [UPPER_BODY, LOWER_BODY, FULL_BODY]
  .join(' ')
  .split(' ');

/** The 1,000 attributes have no published list of names here: `attr_0000` to `attr_0999`. */
export const FASHIONNET_ATTRIBUTES = { prefix: 'attr_', count: 1000 } as const;

/** Variant of FashionNet. The published widths are divided by `widthDivisor`. */
export interface FashionNetShape {
  readonly widthDivisor: number;
  /** Whether the global branch has its own conv5. The published network shares it with the pose branch. */
  readonly hasOwnGlobalConv5?: boolean;
}

/** The first day of CVPR 2016, where DeepFashion was presented. */
export const FASHIONNET_SEED = 20160626;

const INPUT_SIZE = 224;
const LANDMARK_COUNT = 8;
/** Cells to each side of a landmark, on the 28x28 map after conv4. */
const LANDMARK_RADIUS = 3;
const LANDMARK_BINS = 3;
/** Pixels per cell in the published code, although the map has a cell every 8 pixels; kept because checkpoints depend on it. */
const LANDMARK_STRIDE = 16;

/** Ranges of random weights that spread landmarks over the image and keep scores between 0 and 1. */
const LANDMARK_SPREAD = 64;
const SCORE_SPREAD = 0.2;

/** The fields that differ between cards of FashionNet. */
export type FashionNetIdentity = Pick<
  ModelCardSpec,
  'name' | 'description' | 'source' | 'trained' | 'sha256' | 'batchSize'
> & {
  readonly licence?: string;
  readonly attributes?: readonly string[];
  /** How many attributes the network has; by default 1,000. */
  readonly attributeCount?: number;
  /** Whether the network has the output `categories`; by default it has. */
  readonly hasCategories?: boolean;
};

const CATEGORIES_OUTPUT = {
  name: 'categories',
  column: 'category',
  kind: 'sigmoid',
  labels: [...FASHIONNET_CATEGORIES],
  topK: 5,
} as const satisfies ModelCardSpec['outputs'][number];

/** The source of the architecture, for model cards. */
export const FASHIONNET_SOURCE =
  'Architecture: Liu et al., DeepFashion, CVPR 2016, as laid out in github.com/i008/pytorch-deepfashion';

/** The model card of a FashionNet file; mean and deviation are those of ImageNet, by convention. */
export function fashionNetCard({
  attributes,
  attributeCount = FASHIONNET_ATTRIBUTES.count,
  hasCategories = true,
  licence = 'Apache-2.0',
  ...identity
}: FashionNetIdentity): ModelCardSpec {
  return {
    ...identity,
    licence,
    input: {
      name: 'input',
      width: INPUT_SIZE,
      height: INPUT_SIZE,
      layout: 'NCHW',
      colorOrder: 'RGB',
      resize: 'fill',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    outputs: [
      ...(hasCategories ? [CATEGORIES_OUTPUT] : []),
      {
        name: 'massive_attr',
        column: 'attribute',
        kind: 'sigmoid',
        labels:
          attributes === undefined ? { ...FASHIONNET_ATTRIBUTES, count: attributeCount } : [...attributes],
        threshold: 0.5,
        topK: Math.min(20, attributeCount),
      },
    ],
  };
}

/**
 * Writes FashionNet as an ONNX file, whole or not at all, and returns its sha256. Weights are streamed, so the full width (750 MB)
 * takes little memory. The same weights give the same bytes on every machine.
 * @throws ARGUMENT_INVALID if `widthDivisor` is not a whole number from 1 to 64.
 */
export async function writeFashionNet(
  path: string,
  shape: FashionNetShape,
  weights: WeightSource = randomWeights(FASHIONNET_SEED),
): Promise<string> {
  const { widthDivisor } = shape;
  if (!Number.isInteger(widthDivisor) || widthDivisor < 1 || widthDivisor > 64) {
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `widthDivisor must be a whole number from 1 to 64, not ${widthDivisor}`,
    );
  }
  return writeOnnxModel(path, buildFashionNet(shape, weights));
}

/**
 * The graph: `input` [N,3,224,224] → `massive_attr` [N,1000] and `categories` [N,50], both after a sigmoid.
 * A VGG-16 trunk feeds a pose branch that places 8 landmarks; features pooled around them join the global ones.
 */
function buildFashionNet(
  { widthDivisor, hasOwnGlobalConv5 }: FashionNetShape,
  weights: WeightSource,
): OnnxModel {
  const width = (published: number) => Math.max(1, Math.round(published / widthDivisor));
  const graph = new GraphBuilder(weights);

  let map = 'input';
  map = graph.maxPool('pool1', graph.convolutions('conv1', map, [3, width(64), width(64)]));
  map = graph.maxPool('pool2', graph.convolutions('conv2', map, [width(64), width(128), width(128)]));
  map = graph.convolutions('conv3', map, [width(128), width(256), width(256), width(256)]);
  map = graph.maxPool('pool3', map);
  const channels = width(512);
  const conv4 = graph.convolutions('conv4', map, [width(256), channels, channels, channels]);
  const pool4 = graph.maxPool('pool4', conv4);
  const tail = (scope: string): string => {
    const conv5 = graph.convolutions(`conv5_${scope}`, pool4, [channels, channels, channels, channels]);
    return graph.op('Flatten', [graph.maxPool(`pool5_${scope}`, conv5)], `features_${scope}`, { axis: 1 });
  };
  const features = tail('pose');
  const globalFeatures = hasOwnGlobalConv5 ? tail('global') : features;
  const featureCount = channels * (INPUT_SIZE / 32) ** 2;

  const poseWidth = width(1024);
  const pose6 = graph.denseLeaky('fc6_pose', features, featureCount, poseWidth);
  const pose7 = graph.denseLeaky('fc7_pose', pose6, poseWidth, poseWidth);
  const landmarks = graph.dense('loc', pose7, poseWidth, 2 * LANDMARK_COUNT, LANDMARK_SPREAD);

  const local = poolAroundLandmarks(graph, conv4, landmarks, channels);
  const localCount = LANDMARK_COUNT * channels * LANDMARK_BINS ** 2;
  const fc6Local = graph.denseLeaky('fc6_local', local, localCount, poseWidth);
  const globalWidth = width(4096);
  const fc6Global = graph.denseLeaky('fc6_global', globalFeatures, featureCount, globalWidth);
  const fused = graph.op('Concat', [fc6Local, fc6Global], 'fused', { axis: 1 });

  const heads = [
    { name: 'massive_attr', size: FASHIONNET_ATTRIBUTES.count },
    { name: 'categories', size: FASHIONNET_CATEGORIES.length },
  ];
  for (const { name, size } of heads) {
    const logits = graph.dense(`${name}_logits`, fused, poseWidth + globalWidth, size, SCORE_SPREAD);
    graph.op('Sigmoid', [logits], name);
  }
  return {
    name: 'fashionnet_vgg16',
    nodes: graph.nodes,
    tensors: graph.tensors,
    inputs: [{ name: 'input', dims: ['batch', 3, INPUT_SIZE, INPUT_SIZE] }],
    outputs: heads.map(({ name, size }) => ({ name, dims: ['batch', size] })),
    metadata: { width_divisor: String(widthDivisor) },
  };
}

/**
 * Pools `map` [N,C,28,28] to 3x3 around each of the landmarks [N,16], given as pixel pairs x, y; returns [N,8·C·9].
 * Boxes are cut to the map and read from their own image, where the published code reads image 0 for the whole batch.
 */
function poolAroundLandmarks(graph: GraphBuilder, map: string, landmarks: string, channels: number): string {
  const points = graph.op('Reshape', [landmarks, graph.integers('point_shape', [-1, 2])], 'points');
  const cells = graph.op('Div', [points, graph.scalar('landmark_stride', LANDMARK_STRIDE)], 'cells');
  // The published code truncates towards zero, which ONNX does not offer.
  const magnitude = graph.op('Floor', [graph.op('Abs', [cells], 'abs')], 'magnitude');
  const centre = graph.op('Mul', [graph.op('Sign', [cells], 'sign'), magnitude], 'centre');

  const radius = graph.scalar('radius', LANDMARK_RADIUS);
  const bounds = [graph.scalar('first_cell', 0), graph.scalar('last_cell', INPUT_SIZE / 8 - 1)];
  const low = graph.op('Sub', [centre, radius], 'low');
  const high = graph.op('Add', [centre, radius], 'high');
  const topLeft = graph.op('Clip', [low, ...bounds], 'top_left');
  const bottomRight = graph.op('Clip', [high, ...bounds], 'bottom_right');

  const zero = graph.integer('zero', 0);
  const boxCount = graph.op('Gather', [graph.op('Shape', [points], 'points_shape'), zero], 'box_count', {
    axis: 0,
  });
  const boxes = graph.op('Range', [zero, boxCount, graph.integer('one', 1)], 'box_index');
  const image = graph.op('Div', [boxes, graph.integer('landmark_count', LANDMARK_COUNT)], 'image_index');
  const imageAsFloat = graph.op('Cast', [image], 'image_index_float', { to: 1 });
  const imageColumn = graph.op('Unsqueeze', [imageAsFloat, graph.integers('last_axis', [1])], 'image_column');

  const regions = graph.op('Concat', [imageColumn, topLeft, bottomRight], 'regions', { axis: 1 });
  const pooled = graph.op('MaxRoiPool', [map, regions], 'pooled', {
    pooled_shape: [LANDMARK_BINS, LANDMARK_BINS],
  });
  const perImage = graph.integers('local_shape', [-1, LANDMARK_COUNT * channels * LANDMARK_BINS ** 2]);
  return graph.op('Reshape', [pooled, perImage], 'local');
}
