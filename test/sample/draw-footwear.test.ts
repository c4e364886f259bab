import { expect, test } from 'vitest';
import * as drawings from '../../src/sample/draw-footwear.ts';
import { hashDrawing } from './hash-drawing.ts';

test('the drawings stay as they are, so that a seed gives the same images for good', () => {
  const hashes = Object.entries(drawings).map(([name, draw]) => [name, hashDrawing(draw)]);
  expect(Object.fromEntries(hashes)).toMatchInlineSnapshot(`
    {
      "drawCasualShoe": "1ae8577ec11e",
      "drawFlat": "06b83b7d11d2",
      "drawFlipFlops": "5879a7bbec68",
      "drawFormalShoe": "89af7cbeb5ad",
      "drawHeel": "10272f2dffab",
      "drawSandal": "b8ade85f21db",
      "drawSportsShoe": "7a583e2725f3",
    }
  `);
});
