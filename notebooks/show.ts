import { Buffer } from 'node:buffer';
import { drawSvg } from 'pixlake';
import { renderPlot } from '../benchmarks/render-plot.mjs';
import { escapeXml, fitText, type TextStyle, wrapText } from '../dist/image/svg-text.js';
import type { CurvePoint } from './measure.ts';
import type { Row } from './open-duckdb.ts';

/** An encoded JPEG, its sides in pixels, and lines of text to write below it. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly lines?: readonly string[];
  /** Colour of its frame and of its first line. */
  readonly colour?: string;
}

/** A box in pixels of an image. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly colour: string;
}

/** Images side by side, boxes to draw on the first one, and lines of text. */
export interface Card {
  readonly images: readonly Picture[];
  readonly boxes?: readonly Box[];
  readonly lines: readonly string[];
}

/** How a grid of cards is laid out. */
export interface GridLayout {
  /** Cards in a row of the grid. */
  readonly columns?: number;
  /** Width of the text to the right of the images; without it, the text is below them. */
  readonly textWidth?: number;
  /** A warning above the cards. It is part of the picture, so it stays with it. */
  readonly warning?: string | undefined;
}

/** Colours that readers with colour blindness tell apart, as in the plots: of copies 0, 1 and 2. */
export const COPY_COLOURS = ['#d55e00', '#0072b2', '#009e73'] as const;

// All measures are in units of the SVG, of which each is so many pixels.
const SCALE = 1.25;
const TILE = 120;
const GAP = 10;
const LINE = 14;
const WARNING_HEIGHT = 34;
const FRAME_COLOUR = '#d9dce1';

const FIRST_LINE: TextStyle = { size: 9.5, weight: 'bold', colour: '#16181d' };
const OTHER_LINE: TextStyle = { ...FIRST_LINE, weight: 'normal', colour: '#5b6270' };
const WARNING: TextStyle = { size: 16, weight: 'bold', colour: '#b00020' };
/** Width of a warning's characters, on average at most, as a share of their size. */
const WIDEST = 0.75;
/** Lines that a text may take before it is cut. */
const MAX_WRAPPED_LINES = 8;

/** Shows a plot of Vega-Lite below the cell. */
export async function showPlot(spec: object): Promise<void> {
  await showPng((await renderPlot(spec)).png);
}

/** Shows a line of text. It goes the same way as all else that is shown, so it stays in its place. */
export async function showText(text: string): Promise<void> {
  await Deno.jupyter.display({ 'text/plain': text }, { raw: true });
}

/** Shows a warning that cannot be overlooked. */
export async function showWarning(text: string): Promise<void> {
  await Deno.jupyter.display({ 'text/markdown': `# ⚠ ${text}` }, { raw: true });
}

/** Shows rows as a table; the first ones, if there are many. */
export async function showTable(
  rows: readonly Readonly<Record<string, unknown>>[],
  most = 20,
): Promise<void> {
  const names = Object.keys(rows[0] ?? {});
  const toRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = [
    toRow(names),
    toRow(names.map(() => '---')),
    ...rows
      .slice(0, most)
      .map((row) => toRow(names.map((name) => textOf(row[name]).replaceAll('|', String.raw`\|`)))),
    ...(rows.length > most ? ['', `… and ${rows.length - most} more`] : []),
  ];
  await Deno.jupyter.display({ 'text/markdown': lines.join('\n') }, { raw: true });
}

/** A value as text; `–` if there is none. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Lines of a card that tell everything a row has: a title, and each column with its value. */
export function detailsOf(title: string, row: Row): string[] {
  // A text without spaces, such as a hash, is broken where a line is full.
  const broken = (text: string): string => text.replaceAll(/\S{32}(?=\S)/gu, '$& ');
  return [title, ...Object.entries(row).map(([name, value]) => `${name}: ${broken(textOf(value))}`)];
}

/** Shows cards in a grid. */
export async function showImages(cards: readonly Card[], layout: GridLayout = {}): Promise<void> {
  const { columns = 5, textWidth, warning } = layout;
  const tiles = Math.max(1, ...cards.map(({ images }) => images.length));
  const imagesWidth = tiles * (TILE + GAP) - GAP;
  const laidOut = cards.map((card) => ({
    card,
    captionCount: Math.max(0, ...card.images.map(({ lines = [] }) => lines.length)),
    text: card.lines.flatMap((line, index) =>
      wrapText(line, textWidth ?? imagesWidth, styleOf(index), MAX_WRAPPED_LINES).map((part) => ({
        part,
        style: styleOf(index),
      })),
    ),
  }));
  const captionCount = Math.max(0, ...laidOut.map((one) => one.captionCount));
  const lineCount = Math.max(0, ...laidOut.map(({ text }) => text.length));
  const picturesHeight = TILE + captionCount * LINE;
  const isBeside = textWidth !== undefined;
  const width = imagesWidth + (isBeside ? textWidth + GAP : 0) + 2 * GAP;
  const height =
    (isBeside ? Math.max(picturesHeight, lineCount * LINE) : picturesHeight + lineCount * LINE) + 2 * GAP;
  const top = warning === undefined ? 0 : WARNING_HEIGHT;
  const drawn = laidOut.map(({ card, text }, index) => {
    const x = (index % columns) * (width + GAP) + GAP;
    const y = top + Math.floor(index / columns) * (height + GAP) + GAP;
    const textX = isBeside ? imagesWidth + 2 * GAP : GAP;
    const textY = isBeside ? GAP : GAP + picturesHeight;
    const lines = text.map(({ part, style }, line) =>
      drawText(part, textX, textY + (line + 1) * LINE - 2, style),
    );
    const frame = `<rect width="${width}" height="${height}" rx="6" fill="#ffffff" stroke="${FRAME_COLOUR}"/>`;
    return `<g transform="translate(${x} ${y})">${frame}${drawPictures(card)}${lines.join('')}</g>`;
  });
  const cardsWidth = Math.min(columns, cards.length) * (width + GAP) + GAP;
  const pageWidth = Math.max(cardsWidth, (warning?.length ?? 0) * WARNING.size * WIDEST);
  const pageHeight = top + Math.ceil(cards.length / columns) * (height + GAP) + GAP;
  if (warning !== undefined) drawn.push(drawText(warning, GAP, WARNING_HEIGHT - GAP, WARNING));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${pageHeight}" font-family="DejaVu Sans">${drawn.join('')}</svg>`;
  await showPng(await drawSvg(svg, SCALE));
}

/** Bars of the number of images for each value of a property. `sort` is an order of Vega-Lite: `-x` is the most frequent first. */
export function histogram(rows: readonly Row[], title: string, sort: string, width = 250): object {
  return {
    title: { text: title, fontSize: 13 },
    data: { values: rows.map(({ value, images }) => ({ value: textOf(value), images: Number(images) })) },
    mark: 'bar',
    width,
    height: { step: 17 },
    encoding: {
      y: { field: 'value', type: 'nominal', sort, title: null },
      x: { field: 'images', type: 'quantitative', title: 'images', axis: { tickCount: 5 } },
    },
  };
}

/** Bars of the number of images for each year, by a series. */
export function histogramOfYears(rows: readonly Row[], series: string): object {
  return {
    data: { values: rows.map((row) => ({ ...row, year: textOf(row.year), images: Number(row.images) })) },
    mark: 'bar',
    width: 520,
    height: 220,
    encoding: {
      x: { field: 'year', type: 'ordinal', axis: { labelAngle: 0 } },
      y: { field: 'images', type: 'quantitative' },
      color: { field: series, type: 'nominal', title: series },
    },
  };
}

/** A heat map of `accuracy` by `category` and `property`, with the number of images `n` in every cell. */
export function heatMap(rows: readonly Row[], properties: readonly string[]): object {
  const colour = { condition: { test: 'datum.accuracy > 0.6', value: 'white' }, value: '#16181d' };
  const values = rows.map((row) => ({ ...row, label: `n = ${textOf(row.n)}` }));
  return {
    data: { values },
    width: { step: 100 },
    height: { step: 40 },
    encoding: {
      x: {
        field: 'property',
        type: 'nominal',
        sort: properties,
        title: null,
        axis: { labelAngle: 0, orient: 'top' },
      },
      y: { field: 'category', type: 'nominal', title: null },
    },
    layer: [
      {
        mark: 'rect',
        encoding: {
          color: {
            field: 'accuracy',
            type: 'quantitative',
            scale: { scheme: 'blues', domain: [0, 1] },
            legend: { format: '.0%', orient: 'right' },
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 12, dy: -7 },
        encoding: { text: { field: 'accuracy', type: 'quantitative', format: '.0%' }, color: colour },
      },
      {
        mark: { type: 'text', fontSize: 10, dy: 8 },
        encoding: { text: { field: 'label' }, color: colour },
      },
    ],
  };
}

/** Seconds against images, one line for each job, on logarithmic axes. */
export function curves(points: readonly CurvePoint[]): object {
  const counts = [...new Set(points.map(({ images }) => images))];
  const logs = points.map(({ seconds }) => Math.log10(seconds));
  const [first, last] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  return {
    data: { values: points },
    width: 520,
    height: 240,
    mark: { type: 'line', point: true },
    encoding: {
      x: {
        field: 'images',
        type: 'quantitative',
        scale: { type: 'log', nice: false },
        axis: { values: counts, format: ',' },
      },
      y: {
        field: 'seconds',
        type: 'quantitative',
        scale: { type: 'log', domain: [powers[0], powers.at(-1)] },
        axis: { values: powers, format: '~g' },
      },
      color: { field: 'job', type: 'nominal', title: null, sort: null, legend: { columns: 3 } },
    },
  };
}

function styleOf(line: number): TextStyle {
  return line === 0 ? FIRST_LINE : OTHER_LINE;
}

function drawText(text: string, x: number, y: number, { size, weight, colour }: TextStyle): string {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escapeXml(text)}</text>`;
}

function drawPictures({ images, boxes = [] }: Card): string {
  const pictures = images.map(({ bytes, width, height, lines = [], colour }, index) => {
    const scale = TILE / Math.max(width, height);
    const left = GAP + index * (TILE + GAP);
    const x = left + (TILE - width * scale) / 2;
    const y = GAP + (TILE - height * scale) / 2;
    const encoded = Buffer.from(bytes).toString('base64');
    const seen = (index === 0 ? boxes : []).map((box) => outline(box, box.colour, scale));
    // Most images are white at their edges, so their size would not show.
    if (lines.length > 0)
      seen.unshift(outline({ left: 0, top: 0, width, height }, colour ?? FRAME_COLOUR, scale));
    const captions = lines.map((line, at) =>
      drawText(
        fitText(line, TILE, styleOf(at)),
        left,
        GAP + TILE + (at + 1) * LINE - 2,
        at === 0 && colour !== undefined ? { ...FIRST_LINE, colour } : styleOf(at),
      ),
    );
    return `<g transform="translate(${x} ${y}) scale(${scale})"><image width="${width}" height="${height}" href="data:image/jpeg;base64,${encoded}"/>${seen.join('')}</g>${captions.join('')}`;
  });
  return pictures.join('');
}

/** A box whose line is two units wide at any scale. */
function outline(box: Omit<Box, 'colour'>, colour: string, scale: number): string {
  return `<rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}" fill="none" stroke="${colour}" stroke-width="${2 / scale}"/>`;
}

async function showPng(png: Uint8Array): Promise<void> {
  await Deno.jupyter.display({ 'image/png': Buffer.from(png).toString('base64') }, { raw: true });
}
