import sharp from 'sharp';
import { ensureFonts } from './fonts.ts';

/**
 * Draws SVG as PNG, text in the bundled font, so that a plot looks the same on every machine. `scale` is pixels of the PNG for each unit of the
 * SVG. To be called in the main thread.
 */
export async function drawSvg(svg: string, scale = 1): Promise<Buffer> {
  await ensureFonts();
  return sharp(Buffer.from(svg), { density: 72 * scale })
    .flatten({ background: '#ffffff' })
    .png({ compressionLevel: 9 })
    .toBuffer();
}
