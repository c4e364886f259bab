import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ContactCell, renderContactSheet } from '../../src/image/contact-sheet.ts';
import { fitText, type TextStyle, wrapText } from '../../src/image/svg-text.ts';

const STYLE: TextStyle = { size: 14, weight: 'normal', colour: '#000000' };
/** From contact-sheet.ts: the first card begins right below the heading at the left margin. */
const MARGIN = 40;

interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function solid(colour: string, width = 60, height = 80): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

/** The smallest box around all pixels of a sheet that are near a colour. */
async function boxOf(
  sheet: Buffer,
  isMatch: (red: number, green: number, blue: number) => boolean,
): Promise<Area> {
  const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
  let [left, top, right, bottom] = [info.width, info.height, -1, -1];
  for (let pixel = 0; pixel < info.width * info.height; pixel += 1) {
    const [red = 0, green = 0, blue = 0] = data.subarray(pixel * info.channels, pixel * info.channels + 3);
    if (!isMatch(red, green, blue)) continue;
    const [x, y] = [pixel % info.width, Math.floor(pixel / info.width)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

const isRed = (red: number, green: number, blue: number): boolean => red > 200 && green < 60 && blue < 60;
const isBlue = (red: number, green: number, blue: number): boolean => red < 60 && green < 60 && blue > 200;
const isDark = (red: number, green: number, blue: number): boolean => red + green + blue < 380;

async function cell(overrides: Partial<ContactCell> = {}): Promise<ContactCell> {
  return {
    original: await solid('#ff0000'),
    results: [await solid('#0000ff', 256, 256)],
    lines: [],
    ...overrides,
  };
}

describe('renderContactSheet', () => {
  it('shows an original, its aspect ratio kept, to the left of its result', async () => {
    const sheet = await renderContactSheet([await cell()], { title: 'a' });
    const original = await boxOf(sheet, isRed);
    const result = await boxOf(sheet, isBlue);
    expect(original.width / original.height).toBeCloseTo(0.75, 1);
    expect(result.width).toBe(result.height);
    expect(result.left).toBeGreaterThan(original.left + original.width);
    expect(result.top).toBe(original.top);
    expect((await sharp(sheet).metadata()).format).toBe('png');
  });

  it('has room for every cell, also with several results, none, or no cells at all', async () => {
    const three = await cell({
      results: await Promise.all(['#00ff00', '#00ff00', '#0000ff'].map((colour) => solid(colour))),
    });
    const sheet = await renderContactSheet([three, await cell(), await cell({ results: [] })], {
      title: 'a',
    });
    const { width, height } = await sharp(sheet).metadata();
    const last = await boxOf(sheet, isBlue);
    expect(last.left + last.width).toBeLessThan(width);
    expect(last.top + last.height).toBeLessThan(height);
    expect((await sharp(await renderContactSheet([], { title: 'a' })).metadata()).height).toBeGreaterThan(0);
  });

  it.each(['WWWWWWWWWW', 'mmmmmmmmmm', 'iiiiiiiiii', 'Ünïcödé Ñámes ', 'Жщшю ', '日本語', '👩‍👩‍👧'])(
    'keeps the longest text of %s within its card',
    async (text) => {
      const lines = [text.repeat(40), text.repeat(40)];
      const sheet = await renderContactSheet([await cell({ lines })], { title: 'a' });
      const empty = await renderContactSheet([await cell({ lines: ['', ''] })], { title: 'a' });
      const label = await boxOf(await difference(sheet, empty), (red) => red > 0);
      const card = await boxOf(empty, isBlue);
      expect(label.width).toBeGreaterThan(100);
      expect(label.left).toBeGreaterThanOrEqual(MARGIN);
      expect(label.left + label.width).toBeLessThanOrEqual(card.left + card.width + 2);
    },
  );

  it('draws text as it is, whatever characters it has', async () => {
    const hostile = '</text><rect width="9999" height="9999" fill="#f00"/> & " \u0000\u001b\ufffe\ud800';
    const sheet = await renderContactSheet(
      [await cell({ original: await solid('#0000ff'), lines: [hostile] })],
      {
        title: hostile,
        subtitle: hostile,
      },
    );
    expect((await boxOf(sheet, isRed)).width).toBeLessThanOrEqual(0);
    expect((await boxOf(sheet, isDark)).width).toBeGreaterThan(100);
  });

  it('gives the same bytes for the same cells', async () => {
    const cells = [await cell({ lines: ['1163  Jersey', 'Topwear 0.98'] })];
    const options = { title: 'runs.shirts', subtitle: 'SELECT 1' };
    expect(await renderContactSheet(cells, options)).toEqual(await renderContactSheet(cells, options));
  });

  it('says which code an image that is none has', async () => {
    const broken = await cell({ original: Buffer.from('no image') });
    await expect(renderContactSheet([broken], { title: 'a' })).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
    });
  });
});

describe('ensureFonts', () => {
  // Where the bundled font is not found there is none at all, and every character is a box of one width.
  it.each([
    ['WWWWWWWWWW', 0.989],
    ['iiiiiiiiii', 0.278],
  ])('has %s drawn in DejaVu Sans', async (text, advance) => {
    const sheet = await renderContactSheet([await cell({ lines: ['', text] })], { title: 'a' });
    const empty = await renderContactSheet([await cell({ lines: ['', ''] })], { title: 'a' });
    const { width } = await boxOf(await difference(sheet, empty), (red) => red > 0);
    expect(Math.abs(width - advance * 10 * STYLE.size)).toBeLessThanOrEqual(3);
  });
});

describe('fitText and wrapText', () => {
  it('cut only what is too long', () => {
    expect(fitText('short', 100, STYLE)).toBe('short');
    expect(fitText('a much longer text than that', 100, STYLE)).toMatch(/^a much.*[^ ]…$/u);
  });

  it('break at spaces and end in … after the last line', () => {
    expect(wrapText('one two three', 1000, STYLE, 3)).toEqual(['one two three']);
    expect(wrapText('one two three four five', 80, STYLE, 2)).toEqual(['one two', 'three fo…']);
    expect(wrapText('', 80, STYLE, 2)).toEqual([]);
  });
});

async function difference(sheet: Buffer, other: Buffer): Promise<Buffer> {
  return sharp(sheet)
    .composite([{ input: other, blend: 'difference' }])
    .png()
    .toBuffer();
}
