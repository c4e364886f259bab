import { Buffer } from 'node:buffer';
import { drawSvg } from 'pixlake';
import { renderPlot } from '../benchmarks/render-plot.mjs';
import { escapeXml, fitText, type TextStyle } from '../dist/image/svg-text.js';

/** An encoded JPEG and its sides in pixels. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A card of a grid of images: images side by side, a box in pixels to draw on the first one, and lines of text below. */
export interface Card {
  readonly images: readonly Picture[];
  readonly box?: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
  };
  readonly lines: readonly string[];
}

// All measures are in units of the SVG.
const TILE = 120;
const GAP = 10;
const LINE = 14;

const FIRST_LINE: TextStyle = { size: 9.5, weight: 'bold', colour: '#16181d' };
const OTHER_LINE: TextStyle = { ...FIRST_LINE, weight: 'normal', colour: '#5b6270' };

/** Shows a plot of Vega-Lite below the cell. */
export async function showPlot(spec: object): Promise<void> {
  await showPng((await renderPlot(spec)).png);
}

/** Shows a line of text. It goes the same way as all else that is shown, so that it stays in its place. */
export async function showText(text: string): Promise<void> {
  await Deno.jupyter.display({ 'text/plain': text }, { raw: true });
}

/** Shows rows as a table; the first ones, if there are many. */
export async function showTable(
  rows: readonly Readonly<Record<string, unknown>>[],
  most = 20,
): Promise<void> {
  const names = Object.keys(rows[0] ?? {});
  const toRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const text = (value: unknown): string => {
    if (value === null || value === undefined) return '–';
    return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('|', '\\|');
  };
  const lines = [
    toRow(names),
    toRow(names.map(() => '---')),
    ...rows.slice(0, most).map((row) => toRow(names.map((name) => text(row[name])))),
    ...(rows.length > most ? ['', `… and ${rows.length - most} more`] : []),
  ];
  await Deno.jupyter.display({ 'text/markdown': lines.join('\n') }, { raw: true });
}

/** Shows cards in rows of `columns`. */
export async function showImages(cards: readonly Card[], columns = 5): Promise<void> {
  const tiles = Math.max(1, ...cards.map(({ images }) => images.length));
  const lineCount = Math.max(0, ...cards.map(({ lines }) => lines.length));
  const width = tiles * (TILE + GAP) + GAP;
  const height = TILE + lineCount * LINE + 2 * GAP;
  const drawn = cards.map((card, index) => {
    const left = (index % columns) * (width + GAP) + GAP;
    const top = Math.floor(index / columns) * (height + GAP) + GAP;
    const frame = `<rect width="${width}" height="${height}" rx="6" fill="#ffffff" stroke="#d9dce1"/>`;
    return `<g transform="translate(${left} ${top})">${frame}${drawCard(card, width - 2 * GAP)}</g>`;
  });
  const pageWidth = Math.min(columns, cards.length) * (width + GAP) + GAP;
  const pageHeight = Math.ceil(cards.length / columns) * (height + GAP) + GAP;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${pageHeight}" font-family="DejaVu Sans">${drawn.join('')}</svg>`;
  await showPng(await drawSvg(svg, 1.5));
}

function drawCard({ images, box, lines }: Card, textWidth: number): string {
  const pictures = images.map(({ bytes, width, height }, index) => {
    const scale = TILE / Math.max(width, height);
    const x = GAP + index * (TILE + GAP) + (TILE - width * scale) / 2;
    const y = GAP + (TILE - height * scale) / 2;
    const encoded = Buffer.from(bytes).toString('base64');
    const seen =
      index === 0 && box !== undefined
        ? `<rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}" fill="none" stroke="#d55e00" stroke-width="${2 / scale}"/>`
        : '';
    return `<g transform="translate(${x} ${y}) scale(${scale})"><image width="${width}" height="${height}" href="data:image/jpeg;base64,${encoded}"/>${seen}</g>`;
  });
  const texts = lines.map((line, index) => {
    const style = index === 0 ? FIRST_LINE : OTHER_LINE;
    const y = GAP + TILE + (index + 1) * LINE;
    return `<text x="${GAP}" y="${y}" font-size="${style.size}" font-weight="${style.weight}" fill="${style.colour}">${escapeXml(fitText(line, textWidth, style))}</text>`;
  });
  return [...pictures, ...texts].join('');
}

async function showPng(png: Uint8Array): Promise<void> {
  await Deno.jupyter.display({ 'image/png': Buffer.from(png).toString('base64') }, { raw: true });
}
