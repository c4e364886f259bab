import { fileURLToPath } from 'node:url';
import { FASHIONNET_SOURCE, fashionNetCard, writeFashionNet } from './fashionnet/fashionnet.ts';
import type { ModelCardSpec } from './model-card.ts';

/** A model that comes with pixlake, as files or written on first use. */
export type BuiltInModel = PackagedModel | WrittenModel;

interface ModelIdentity {
  readonly name: string;
  readonly description: string;
  readonly isTrained: boolean;
}

interface PackagedModel extends ModelIdentity {
  readonly onnxPath: string;
}

interface WrittenModel extends ModelIdentity {
  readonly write: (onnxPath: string) => Promise<ModelCardSpec>;
}

/** The default model. */
export const DEFAULT_MODEL = 'fashion-tiny';

const UNTRAINED =
  'with seeded random weights: untrained, for trying out the pipeline; its labels have no meaning';

/** All models that come with pixlake. */
export const BUILT_IN_MODELS: readonly BuiltInModel[] = [
  {
    name: DEFAULT_MODEL,
    description: 'Small catalogue classifier with seven heads and an embedding, for product shots on white',
    isTrained: true,
    onnxPath: packagedModel(DEFAULT_MODEL),
  },
  randomFashionNet('fashionnet', 1, 'DeepFashion FashionNet (VGG-16) at full width (750 MB)'),
  {
    name: 'fashionnet-small',
    description:
      'DeepFashion FashionNet (VGG-16) at a sixteenth of its width, trained on product shots of clothes but for its landmark branch',
    isTrained: true,
    onnxPath: packagedModel('fashionnet-small'),
  },
];

function packagedModel(name: string): string {
  return fileURLToPath(new URL(`../../lake/models/${name}/${name}.onnx`, import.meta.url));
}

/** FashionNet with random weights from a seed, which is written on first use. */
export function randomFashionNet(name: string, widthDivisor: number, title: string): WrittenModel {
  const description = `${title} ${UNTRAINED}`;
  return {
    name,
    description,
    isTrained: false,
    async write(onnxPath) {
      const sha256 = await writeFashionNet(onnxPath, { widthDivisor });
      // A batch of the full width takes 1.4 GB at 8 images, and no less time for each at more.
      return fashionNetCard({
        name,
        description,
        source: FASHIONNET_SOURCE,
        trained: false,
        sha256,
        batchSize: 8,
      });
    },
  };
}
