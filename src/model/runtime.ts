import { createRequire } from 'node:module';
import { PixlakeError } from '../errors.ts';

type Runtime = typeof import('onnxruntime-node');

const PACKAGE = 'onnxruntime-node';

/** Installs the version that pixlake is tested with. The package's script would download libraries for GPUs. */
export const INSTALL_RUNTIME = `npm install ${PACKAGE}@1.30.0 --ignore-scripts`;

/**
 * Loads ONNX Runtime, an optional package of nearly 300 MB. It is loaded only when needed, because it is slow and most commands use no model.
 *
 * @throws `MODEL_RUNTIME_MISSING` if it is not installed
 */
export async function loadRuntime(
  load: () => Promise<Runtime> = async () => import('onnxruntime-node'),
): Promise<Runtime> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new PixlakeError('MODEL_RUNTIME_MISSING', `models need the package ${PACKAGE}`, {
      cause: error,
      remedy: INSTALL_RUNTIME,
    });
  }
}

/** Whether ONNX Runtime is installed. */
export function hasRuntime(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
}

/** Node's error for a package that is not there; one that is there may miss a package of its own. */
function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${PACKAGE}'`)
  );
}
