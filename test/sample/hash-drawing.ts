import { hash } from 'node:crypto';
import { type Drawing, mixInk } from '../../src/sample/ink.ts';
import { createRandom } from '../../src/sample/random.ts';

/** A hash of a drawing in several inks, so with the choices that it makes. */
export function hashDrawing(draw: Drawing): string {
  const drawn = Array.from({ length: 16 }, (_, index) => draw(mixInk('Red', createRandom('hash', index))));
  return hash('sha256', drawn.join('\n')).slice(0, 12);
}
