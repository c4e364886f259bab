import { PixlakeError } from '../errors.ts';

/** Strangers may name models of the lake and the places that the operator allows, but no files of the server. @throws `SPEC_INVALID` */
export function checkPlaces(
  { model, output }: { readonly model?: string | undefined; readonly output?: string | undefined },
  allowedOutputs: readonly string[],
): void {
  if (model !== undefined && !/^[a-z0-9][\w-]{0,63}$/iu.test(model)) {
    throw new PixlakeError('SPEC_INVALID', 'model: give the name of a model of the lake', {
      remedy: 'GET /v1/models lists them',
    });
  }
  if (output === undefined) return;
  const isBelow = allowedOutputs.some(
    (root) => output === root || output.startsWith(`${root.replace(/\/+$/u, '')}/`),
  );
  if (isBelow && !output.split('/').includes('..')) return;
  throw new PixlakeError('SPEC_INVALID', 'output: this server does not write there', {
    remedy: 'leave it out to write into the lake; the operator allows others with --allow-output',
  });
}
