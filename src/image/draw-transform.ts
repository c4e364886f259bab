import { hash } from 'node:crypto';
import { ALL_TRANSFORMS, type DrawnTransform, type Transform, undrawn } from './transform.ts';
import type { Size } from './transforms/define-transform.ts';

/** Everything that a draw depends on. It does not depend on the order of calls, the thread or other transforms. */
export interface DrawKey {
  readonly seed: number;
  readonly id: string;
  readonly copy: number;
}

/** Draws the random parameters of a transform for one copy of one image of `width` by `height` pixels. */
export function drawTransform(transform: Transform, size: Size, { seed, id, copy }: DrawKey): DrawnTransform {
  const key = `[${seed},${JSON.stringify(id)},${copy},`;
  const random = (parameter: string): number => draw(key, parameter);
  const drawn = undrawn(size);
  for (const definition of ALL_TRANSFORMS) definition.draw?.(transform, random, drawn, size);
  return drawn;
}

/**
 * A number in [0, 1) with 48 random bits: the first bytes of SHA-256 over seed, id, copy and the name of the parameter, as a JSON array. A separate
 * name for each parameter keeps the others unchanged when one is added.
 */
function draw(key: string, parameter: string): number {
  return Number.parseInt(hash('sha256', `${key}"${parameter}"]`, 'hex').slice(0, 12), 16) / 2 ** 48;
}
