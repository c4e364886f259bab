import { readdir } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ensureFonts, FONT_FAMILY } from '../../src/image/fonts.ts';
import { makeTestFolder } from '../support/pixlake.ts';

// Fonts are set up once per process, so what is left of it is looked at wherever it happens first.
test('the bundled font is set up once, and nothing of that is left', async () => {
  const scratch = await makeTestFolder();
  vi.stubEnv('TMPDIR', scratch);
  vi.stubEnv('FONTCONFIG_FILE', '/etc/fonts/mine.conf');
  onTestFinished(() => void vi.unstubAllEnvs());
  const first = ensureFonts();
  expect(ensureFonts()).toBe(first);
  await first;
  expect(process.env['FONTCONFIG_FILE']).toBe('/etc/fonts/mine.conf');
  expect(await readdir(scratch)).toEqual([]);
});

test.each([
  ['WWWWWWWWWW', 0.989],
  ['iiiiiiiiii', 0.278],
])('%s is as wide as in that font', async (text, advance) => {
  await ensureFonts();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="30"><text x="5" y="20" font-family="${FONT_FAMILY}" font-size="20">${text}</text></svg>`;
  const { info } = await sharp(Buffer.from(svg)).trim().toBuffer({ resolveWithObject: true });
  expect(Math.abs(info.width - advance * 10 * 20)).toBeLessThanOrEqual(4);
});
