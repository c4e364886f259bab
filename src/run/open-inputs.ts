import { PixlakeError } from '../errors.ts';
import { PIXELS_VERSION } from '../image/render-image.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { MANIFEST_VERSION } from './execution.ts';
import type { Execution } from './execution-schema.ts';

/**
 * Checks that this software can continue an execution in the same way, and returns its model.
 *
 * @param resolveModel finds a model by name or path
 * @throws `RUN_TOO_OLD`, `MODEL_…`
 */
export async function openInputs(
  execution: Execution,
  resolveModel: (nameOrPath: string) => Promise<ModelFiles>,
): Promise<ModelFiles | undefined> {
  const { run } = execution;
  if (execution.pixelsVersion !== PIXELS_VERSION || execution.manifestVersion !== MANIFEST_VERSION) {
    throw new PixlakeError(
      'RUN_TOO_OLD',
      `run ${run.name} was started by ${execution.software}, which makes other pixels or manifests than this version`,
      { remedy: 'start a run with another name' },
    );
  }
  const model = run.model === undefined ? undefined : await resolveModel(run.model);
  if (execution.model === undefined || execution.model.sha256 === model?.sha256) return model;
  throw new PixlakeError(
    'MODEL_MISMATCH',
    `model ${execution.model.name} has changed since run ${run.name} was planned`,
    { remedy: 'start a run with another name' },
  );
}
