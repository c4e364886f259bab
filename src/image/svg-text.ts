/** Advance widths of DejaVu Sans Bold in shares of the font size, rounded up within each group, so text is never wider. */
const BOLD_WIDTHS: readonly (readonly [characters: RegExp, width: number])[] = [
  [/[ ijlIJ.,'|/\\·]/u, 0.38],
  [/[ftr:;!()[\]\-_"`–*]/u, 0.53],
  [/[acekosvxyz0-9?$]/u, 0.7],
  [/[bdghnpquCEFLPSTYZ{}]/u, 0.74],
  [/[mwMW@%…—]/u, 1.11],
  [/[\u0020-\u024f]/u, 0.88],
];
const OTHER_WIDTH = 1.2;
/** Maximum width of a character of the regular weight, as a share of the bold one. */
const REGULAR_SHARE = 0.94;
const ELLIPSIS = '…';

/** How text is set; `size` in pixels. */
export interface TextStyle {
  readonly size: number;
  readonly weight: 'normal' | 'bold';
  readonly colour: string;
}

/** Escapes text for SVG; characters that XML 1.0 forbids become spaces. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Cuts text to at most `width` pixels, ending in `…` if something was cut off. */
export function fitText(text: string, width: number, style: TextStyle): string {
  if (textWidth(text, style) <= width) return text;
  let room = width - textWidth(ELLIPSIS, style);
  let kept = '';
  for (const character of text) {
    room -= textWidth(character, style);
    if (room < 0) break;
    kept += character;
  }
  return kept.trimEnd() + ELLIPSIS;
}

/** Breaks text at spaces into lines of at most `width` pixels. If it needs more than `maxLines`, the last line ends in `…`. */
export function wrapText(text: string, width: number, style: TextStyle, maxLines: number): string[] {
  const lines: string[] = [];
  let line = '';
  const words = text.split(/\s+/u).filter((word) => word !== '');
  for (const [index, word] of words.entries()) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || textWidth(longer, style) <= width) {
      line = longer;
    } else if (lines.length === maxLines - 1) {
      line = [line, ...words.slice(index)].join(' ');
      break;
    } else {
      lines.push(line);
      line = word;
    }
  }
  if (line !== '') lines.push(line);
  return lines.map((each) => fitText(each, width, style));
}

function textWidth(text: string, style: TextStyle): number {
  let width = 0;
  for (const character of text) {
    width += BOLD_WIDTHS.find(([characters]) => characters.test(character))?.[1] ?? OTHER_WIDTH;
  }
  return width * style.size * (style.weight === 'bold' ? 1 : REGULAR_SHARE);
}
