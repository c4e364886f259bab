import { PixlakeError } from '../../errors.ts';
import type { WeightSource } from './graph-builder.ts';
import type { TorchCheckpoint } from './torch-checkpoint.ts';

/**
 * The weights of a checkpoint for the layers of a graph. `modules` gives the checkpoint's names of layers that have another name there.
 *
 * @throws `CHECKPOINT_INVALID` naming weights that are missing or have another shape
 */
export function weightsOf(
  checkpoint: TorchCheckpoint,
  path: string,
  modules: Readonly<Record<string, string>>,
): WeightSource {
  return (name, dims) => {
    const [layer = '', part = ''] = name.split('.');
    const key = `${modules[layer] ?? layer}.${part}`;
    const found = checkpoint.tensors.get(key)?.dims;
    if (found?.join() === dims.join()) return checkpoint.read(key);
    throw new PixlakeError(
      'CHECKPOINT_INVALID',
      `${path}: weights "${key}" should be [${dims.join(', ')}], but are ${found === undefined ? 'missing' : `[${found.join(', ')}]`}`,
    );
  };
}
