import { expect, test } from 'vitest';
import * as drawings from '../../src/sample/draw-accessories.ts';
import { hashDrawing } from './hash-drawing.ts';

test('the drawings stay as they are, so that a seed gives the same images for good', () => {
  const hashes = Object.entries(drawings).map(([name, draw]) => [name, hashDrawing(draw)]);
  expect(Object.fromEntries(hashes)).toMatchInlineSnapshot(`
    {
      "drawBackpack": "535f293198f9",
      "drawBelt": "b67562709d22",
      "drawCap": "2002707b7463",
      "drawCushion": "6eda5495cec5",
      "drawEarrings": "202ec389aeef",
      "drawFootball": "4e2a41ca8156",
      "drawGift": "772d8098a353",
      "drawHandbag": "1708be71c900",
      "drawLipstick": "58763a2c4671",
      "drawNailPolish": "a7baef270931",
      "drawPerfume": "19595b3ee28f",
      "drawSunglasses": "2c3464c68c6f",
      "drawTie": "d9e3696971f3",
      "drawWallet": "e4a97c2b4feb",
      "drawWatch": "abfd65274234",
    }
  `);
});
