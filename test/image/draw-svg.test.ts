import sharp from 'sharp';
import { expect, it } from 'vitest';
import { drawSvg } from '../../src/image/draw-svg.ts';

const svgOf = (text: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><text x="5" y="20" font-family="DejaVu Sans" font-size="16">${text}</text></svg>`;

it('draws text with the bundled font, at the scale that is asked for, on white', async () => {
  const png = await drawSvg(svgOf('il'), 2);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 120, height: 60, channels: 3 });
  expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
  // Where there is no font, each letter is the same box.
  expect(await drawSvg(svgOf('il'), 1)).not.toEqual(await drawSvg(svgOf('li'), 1));
  expect(await drawSvg(svgOf('il'), 2)).toEqual(png);
  expect(await sharp(await drawSvg(svgOf('il'))).metadata()).toMatchObject({
    format: 'png',
    width: 60,
    height: 30,
  });
});
