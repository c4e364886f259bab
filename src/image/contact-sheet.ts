import type { OverlayOptions } from 'sharp';
import { loadSharp } from './configured-sharp.ts';
import { ensureFonts, FONT_FAMILY } from './fonts.ts';
import { toImageError } from './image-error.ts';
import { memoryGate } from './memory-gate.ts';
import { openImage } from './open-image.ts';
import { readHeader } from './read-header.ts';
import { escapeXml, fitText, type TextStyle, wrapText } from './svg-text.ts';

/** One original of a contact sheet, its results, and the lines of its label. The first line is bold. */
export interface ContactCell {
  /** Encoded image. */
  readonly original: Buffer;
  /** Encoded images. */
  readonly results: readonly Buffer[];
  readonly lines: readonly string[];
}

/** The heading of a contact sheet. */
export interface ContactSheetOptions {
  readonly title: string;
  readonly subtitle?: string;
}

// All measures are in pixels.
const MARGIN = 40;
const GAP = 20;
const PADDING = 16;
const TILE = 168;
const TILE_GAP = 12;
const ARROW = 40;
const SUBTITLE_LINE = 22;
const MAX_SUBTITLE_LINES = 3;
const MIN_WIDTH = 900;
const LABEL_LINE = 21;

const PAGE = '#fafafa';
const CARD = '#ffffff';
const BORDER = '#e3e5e8';
const INK = '#16181d';
const SOFT_INK = '#5b6270';

const TITLE: TextStyle = { size: 28, weight: 'bold', colour: INK };
const SUBTITLE: TextStyle = { size: 15, weight: 'normal', colour: SOFT_INK };
const FIRST_LABEL: TextStyle = { size: 14, weight: 'bold', colour: INK };
const OTHER_LABEL: TextStyle = { size: 14, weight: 'normal', colour: SOFT_INK };

interface Grid {
  readonly columns: number;
  readonly cardWidth: number;
  readonly cardHeight: number;
  readonly width: number;
  readonly height: number;
  /** Where the cards begin. */
  readonly top: number;
  readonly subtitle: readonly string[];
}

/**
 * Draws a contact sheet as PNG: a card for every cell, in a nearly square grid, with the original, an arrow, the results and the label.
 * Everything depends on the arguments and the bundled font, so the same input gives the same pixels.
 *
 * @throws `IMAGE_CORRUPT`, `IMAGE_UNSUPPORTED`, `IMAGE_TOO_LARGE` for an image that cannot be decoded
 */
export async function renderContactSheet(
  cells: readonly ContactCell[],
  options: ContactSheetOptions,
): Promise<Buffer> {
  await ensureFonts();
  const grid = layOutGrid(cells, options.subtitle ?? '');
  const tiles: OverlayOptions[] = [];
  for (const [index, cell] of cells.entries()) {
    const { left, top } = cardPlace(grid, index);
    for (const [tile, image] of [cell.original, ...cell.results].entries()) {
      tiles.push(await drawTile(image, left + tileLeft(tile), top + PADDING));
    }
  }
  return loadSharp()(Buffer.from(drawPage(cells, grid, options.title)))
    .composite(tiles)
    .removeAlpha()
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function layOutGrid(cells: readonly ContactCell[], subtitleText: string): Grid {
  const resultCount = Math.max(0, ...cells.map(({ results }) => results.length));
  const lineCount = Math.max(0, ...cells.map(({ lines }) => lines.length));
  const cardWidth = tileLeft(resultCount) + TILE + PADDING;
  const cardHeight = PADDING + TILE + PADDING + lineCount * LABEL_LINE + (lineCount > 0 ? PADDING / 2 : 0);
  const squareColumns = Math.round(Math.sqrt((cells.length * cardHeight) / cardWidth));
  const fittingColumns = Math.floor((MIN_WIDTH - MARGIN * 2 + GAP) / (cardWidth + GAP));
  const columns = Math.max(1, Math.min(Math.max(squareColumns, fittingColumns), cells.length));
  const rows = Math.ceil(cells.length / columns);
  const width = Math.max(MIN_WIDTH, MARGIN * 2 + columns * (cardWidth + GAP) - GAP);
  const subtitle = wrapText(subtitleText, width - MARGIN * 2, SUBTITLE, MAX_SUBTITLE_LINES);
  const top = MARGIN + TITLE.size + subtitle.length * SUBTITLE_LINE + GAP + PADDING / 2;
  const height = top + rows * (cardHeight + GAP) - GAP + MARGIN;
  return { columns, cardWidth, cardHeight, width, height, top, subtitle };
}

/** Left edge of a tile within its card. Tile 0 is the original, followed by the arrow. */
function tileLeft(tile: number): number {
  return tile === 0 ? PADDING : PADDING + TILE + ARROW + (tile - 1) * (TILE + TILE_GAP);
}

function cardPlace(grid: Grid, index: number): { left: number; top: number } {
  return {
    left: MARGIN + (index % grid.columns) * (grid.cardWidth + GAP),
    top: grid.top + Math.floor(index / grid.columns) * (grid.cardHeight + GAP),
  };
}

async function drawTile(image: Buffer, left: number, top: number): Promise<OverlayOptions> {
  try {
    const header = await readHeader(image);
    const { data, info } = await memoryGate().hold(header.memoryBytes, async () => {
      const opened = await openImage(header);
      return opened
        .autoOrient()
        .resize(TILE - 2, TILE - 2, { fit: 'inside' })
        .flatten({ background: CARD })
        .extend({ top: 1, bottom: 1, left: 1, right: 1, background: BORDER })
        .toColourspace('srgb')
        .png({ compressionLevel: 1 })
        .toBuffer({ resolveWithObject: true });
    });
    return {
      input: data,
      left: left + Math.floor((TILE - info.width) / 2),
      top: top + Math.floor((TILE - info.height) / 2),
    };
  } catch (error) {
    throw toImageError(error, image);
  }
}

function drawPage(cells: readonly ContactCell[], grid: Grid, title: string): string {
  const { width, height, subtitle } = grid;
  const textRoom = width - MARGIN * 2;
  const titleBase = MARGIN + TITLE.size;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT_FAMILY}">
<rect width="100%" height="100%" fill="${PAGE}"/>
${drawText(fitText(title, textRoom, TITLE), MARGIN, titleBase, TITLE)}
${subtitle.map((line, index) => drawText(line, MARGIN, titleBase + (index + 1) * SUBTITLE_LINE + 6, SUBTITLE)).join('\n')}
${cells.map((cell, index) => drawCard(cell, grid, cardPlace(grid, index))).join('\n')}
</svg>`;
}

function drawCard(cell: ContactCell, grid: Grid, place: { left: number; top: number }): string {
  const labelBase = PADDING + TILE + PADDING + OTHER_LABEL.size;
  const label = cell.lines.map((line, index) => {
    const style = index === 0 ? FIRST_LABEL : OTHER_LABEL;
    return drawText(
      fitText(line, grid.cardWidth - PADDING * 2, style),
      PADDING,
      labelBase + index * LABEL_LINE,
      style,
    );
  });
  return `<g transform="translate(${place.left} ${place.top})">
<rect x="0.5" y="0.5" width="${grid.cardWidth - 1}" height="${grid.cardHeight - 1}" rx="8" fill="${CARD}" stroke="${BORDER}"/>
${cell.results.length > 0 ? drawArrow() : ''}
${label.join('\n')}
</g>`;
}

function drawArrow(): string {
  const start = PADDING + TILE + 10;
  const end = PADDING + TILE + ARROW - 10;
  const middle = PADDING + TILE / 2;
  return `<path d="M${start} ${middle}H${end}m-7 -6l7 6l-7 6" fill="none" stroke="${SOFT_INK}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`;
}

function drawText(text: string, left: number, base: number, style: TextStyle): string {
  const { size, weight, colour } = style;
  return `<text xml:space="preserve" x="${left}" y="${base}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escapeXml(text)}</text>`;
}
