import { expect, test } from 'vitest';
import * as drawings from '../../src/sample/draw-apparel.ts';
import { hashDrawing } from './hash-drawing.ts';

test('the drawings stay as they are, so that a seed gives the same images for good', () => {
  const hashes = Object.entries(drawings).map(([name, draw]) => [name, hashDrawing(draw)]);
  expect(Object.fromEntries(hashes)).toMatchInlineSnapshot(`
    {
      "drawBriefs": "8419af621536",
      "drawDress": "675e822655f9",
      "drawJacket": "bec80b4fb72c",
      "drawJeans": "29cf27b313de",
      "drawKurta": "3d63f6bc60ef",
      "drawShirt": "b3c52affb609",
      "drawShorts": "924927af78f0",
      "drawSkirt": "76f866dfd6a9",
      "drawSocks": "0d023ad98907",
      "drawTee": "c0146569b5b9",
      "drawTop": "e5374b6801c0",
      "drawTrackPants": "7348d874aea2",
      "drawTrousers": "ba7c25a5613c",
    }
  `);
});
