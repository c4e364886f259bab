import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ContactCell, renderContactSheet } from '../../src/image/contact-sheet.ts';

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
    const at = pixel * info.channels;
    if (!isMatch(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0)) continue;
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
const isGreen = (red: number, green: number, blue: number): boolean => red < 60 && green > 200 && blue < 60;
const isDark = (red: number, green: number, blue: number): boolean => red + green + blue < 380;

/** An encoded pixel. */
const RED_DOT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);

async function pixelAt(sheet: Buffer, left: number, top: number): Promise<number[]> {
  return [...(await sharp(sheet).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

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

  // A margin of 40 on each side, cards with gaps of 20; in a card 16 around tiles of 168, 40 for an arrow, 12 between results.
  it.each([
    ['no cells', 0, 1, 0, {}, 900, 116],
    ['a cell', 1, 1, 0, {}, 900, 336],
    ['two cells below each other', 2, 1, 0, {}, 900, 556],
    ['nine cells in two columns', 9, 1, 0, {}, 916, 1216],
    ['two originals alone', 2, 0, 0, {}, 900, 336],
    ['four originals alone, as many beside each other as fit', 4, 0, 0, {}, 900, 556],
    ['three results', 1, 3, 0, {}, 900, 336],
    ['four results', 1, 4, 0, {}, 1028, 336],
    ['a line', 1, 1, 1, {}, 900, 365],
    ['three lines', 1, 1, 3, {}, 900, 407],
    ['a subtitle', 1, 1, 0, { subtitle: 'SELECT 1' }, 900, 358],
    ['a long subtitle, of three lines at most', 1, 1, 0, { subtitle: 'SELECT 1, '.repeat(99) }, 900, 402],
  ])('is as large as it has to be: %s', async (_, cells, results, lines, options, width, height) => {
    const one: ContactCell = {
      original: await solid('#ff0000', 2, 2),
      results: Array.from({ length: results }, () => RED_DOT),
      lines: Array.from({ length: lines }, () => 'a'),
    };
    const all = Array.from({ length: cells }, () => one);
    const sheet = await renderContactSheet(all, { title: 'a', ...options });
    expect(await sharp(sheet).metadata()).toMatchObject({ width, height, channels: 3, hasAlpha: false });
  });

  it('has each tile at its place, in the middle of its square, with a border', async () => {
    const tall = await solid('#ff0000', 60, 80);
    const cells = [
      { original: tall, results: [await solid('#00ff00', 10, 10)], lines: ['a', 'b'] },
      { original: await solid('#0000ff', 80, 60), results: [], lines: [] },
    ];
    const sheet = await renderContactSheet(cells, { title: '' });
    // The first card begins at (40, 96), the second one 270 below it. An image has a border of one pixel.
    expect(await boxOf(sheet, isRed)).toEqual({ left: 77, top: 113, width: 125, height: 166 });
    expect(await boxOf(sheet, isGreen)).toEqual({ left: 265, top: 113, width: 166, height: 166 });
    expect(await boxOf(sheet, isBlue)).toEqual({ left: 57, top: 403, width: 166, height: 125 });
    const border = await pixelAt(sheet, 76, 150);
    expect(border).toEqual([0xe3, 0xe5, 0xe8]);
    expect(await pixelAt(sheet, 3, 3)).toEqual([0xfa, 0xfa, 0xfa]);
    expect(await pixelAt(sheet, 60, 105)).toEqual([255, 255, 255]);
  });

  it('goes on in the next row after the last column', async () => {
    const originals = await Promise.all(
      ['#ff0000', '#00ff00', '#ffffff', '#0000ff'].map((colour) => solid(colour, 9, 9)),
    );
    const cells = originals.map((original) => ({ original, results: [], lines: [] }));
    const sheet = await renderContactSheet(cells, { title: '' });
    expect(await boxOf(sheet, isRed)).toMatchObject({ left: 57, top: 113 });
    expect(await boxOf(sheet, isGreen)).toMatchObject({ left: 277, top: 113 });
    expect(await boxOf(sheet, isBlue)).toMatchObject({ left: 57, top: 333 });
  });

  it('has an arrow where there are results, and none elsewhere', async () => {
    const [original] = [await solid('#ffffff')];
    const darkest = async (results: readonly Buffer[]): Promise<Area> =>
      boxOf(await renderContactSheet([{ original, results, lines: [] }], { title: '' }), isDark);
    const { left, top, width, height } = await darkest([original]);
    // In the middle of the room for it, at the middle of the tiles.
    expect([left + width / 2, top + height / 2].map(Math.round)).toEqual([244, 196]);
    expect([width, height].map((side) => Math.round(side / 10))).toEqual([2, 1]);
    expect((await darkest([])).width).toBeLessThanOrEqual(0);
  });

  it('shows an original upright, and white where it is transparent', async () => {
    const lying = await sharp({ create: { width: 80, height: 60, channels: 3, background: '#ff0000' } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const upright = await boxOf(
      await renderContactSheet([await cell({ original: lying })], { title: 'a' }),
      isRed,
    );
    expect([upright.width, upright.height]).toEqual([125, 166]);
    const clear = await sharp({ create: { width: 9, height: 9, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    const sheet = await renderContactSheet([await cell({ original: clear })], { title: 'a' });
    expect(await pixelAt(sheet, 40 + 16 + 84, 96 + 16 + 84)).toEqual([255, 255, 255]);
  });

  // An H stands on the base of its line. The title's is at 68, a line of the subtitle 22 and a label 21 below the one before.
  it.each([
    ['the title', 'H', '', [], 40, 68],
    ['a subtitle', '', 'H', [], 40, 96],
    ['the third line of a subtitle', '', 'H '.repeat(300), [], 40, 140],
    ['the first line of a label', '', '', ['H'], 56, 310],
    ['the second line of a label', '', '', ['', 'H'], 56, 331],
  ])('has its text at its place: %s', async (_, title, subtitle, lines, left, base) => {
    const cells = lines.length === 0 ? [] : [{ original: await solid('#ffffff', 9, 9), results: [], lines }];
    const area = await boxOf(await renderContactSheet(cells, { title, subtitle }), isDark);
    expect(area.left - left).toBeGreaterThanOrEqual(0);
    expect(area.left - left).toBeLessThanOrEqual(4);
    expect(Math.abs(area.top + area.height - base)).toBeLessThanOrEqual(1);
  });

  it('cuts a title and a subtitle at the margin', async () => {
    for (const options of [{ title: 'H'.repeat(200) }, { title: '', subtitle: 'H'.repeat(200) }]) {
      const { left, width } = await boxOf(await renderContactSheet([], options), isDark);
      expect(left + width).toBeLessThanOrEqual(860);
      expect(left + width).toBeGreaterThan(700);
    }
    expect.assertions(4);
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

async function difference(sheet: Buffer, other: Buffer): Promise<Buffer> {
  return sharp(sheet)
    .composite([{ input: other, blend: 'difference' }])
    .png()
    .toBuffer();
}
