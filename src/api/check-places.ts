import { PixlakeError } from '../errors.ts';

/** Checks that a client names only models of the lake and allowed output roots, and no files of the server. @throws `SPEC_INVALID` */
export function checkPlaces(
  { model, output }: { readonly model?: string | undefined; readonly output?: string | undefined },
  allowedOutputs: readonly string[],
): void {
  if (model !== undefined && !/^[a-z0-9][\w-]{0,63}$/iu.test(model)) {
    throw new PixlakeError('SPEC_INVALID', 'model: use the name of a model of the lake', {
      remedy: 'GET /v1/models lists them',
    });
  }
  if (output === undefined) return;
  const isBelow = allowedOutputs.some(
    (root) => output === root || output.startsWith(`${root.replace(/\/+$/u, '')}/`),
  );
  if (isBelow && !output.split('/').includes('..')) return;
  throw new PixlakeError('SPEC_INVALID', 'output: this server is not allowed to write there', {
    remedy: 'omit output to write into the lake, or ask the operator to allow this place',
  });
}
