import { loadSharp } from './configured-sharp.ts';
import { ensureFonts } from './fonts.ts';

/**
 * Draws SVG as PNG with text in the bundled font, so a plot looks the same on every machine. `scale` is the number of PNG pixels per unit of the
 * SVG. Call it in the main thread.
 */
export async function drawSvg(svg: string, scale = 1): Promise<Buffer> {
  await ensureFonts();
  return loadSharp()(Buffer.from(svg), { density: 72 * scale })
    .flatten({ background: '#ffffff' })
    .png({ compressionLevel: 9 })
    .toBuffer();
}
