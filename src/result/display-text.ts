/** Wide East Asian ranges (Unicode UAX #11, classes W and F) and emoji: shown in two columns of a terminal. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const PLAIN = /^[\u0020-\u007e]*$/u;
/** Controls, formatting characters (direction overrides, invisible tags) and line separators, but not the joiners that emoji and some scripts need. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;
const PICTURE_OF_NUL = 0x2400;
const PICTURE_OF_DELETE = '\u2421';
const ELLIPSIS = '…';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Makes text from data safe for a terminal. Every character that could move the cursor, start an escape sequence or reorder the line is
 * replaced by a visible one (`␛`, `␊`, `�`).
 */
export function neutralizeText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(PICTURE_OF_NUL + code);
    return code === 0x7f ? PICTURE_OF_DELETE : '\ufffd';
  });
}

/** Number of terminal columns that neutralized text takes. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** Cuts neutralized text to at most `width` terminal columns, ending in `…` if something was cut off. */
export function cutText(text: string, width: number): string {
  if (text.length <= width && PLAIN.test(text)) return text;
  let kept = '';
  let keptWidth = 0;
  let shortened = '';
  for (const { segment } of graphemes.segment(text)) {
    keptWidth += graphemeWidth(segment);
    if (keptWidth > width) return shortened + ELLIPSIS;
    kept += segment;
    if (keptWidth < width) shortened = kept;
  }
  return kept;
}

function graphemeWidth(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
