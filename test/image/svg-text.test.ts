import { expect, test } from 'vitest';
import { escapeXml, fitText, type TextStyle, wrapText } from '../../src/image/svg-text.ts';

const BOLD: TextStyle = { size: 100, weight: 'bold', colour: '#000000' };
const NORMAL: TextStyle = { ...BOLD, weight: 'normal' };

test('text is escaped for XML, and what XML forbids becomes a space', () => {
  expect(escapeXml('<a href="x">&amp;</a>')).toBe('&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;');
  expect(escapeXml('a\0b\u001fc\ud800d\uffffe\ufffef')).toBe('a b c d e f');
  expect(escapeXml('ü 日 👩')).toBe('ü 日 👩');
});

/** The least width, in hundredths, at which a text is not cut. */
function widthOf(text: string, style: TextStyle): number {
  for (let width = 0; width < 1000; width++) if (fitText(text, width + 1e-6, style) === text) return width;
  return Number.NaN;
}

test.each([
  [" ijlIJ.,'|/\\·", 38],
  ['ftr:;!()[]-_"`–*', 53],
  ['acekosvxyz0123456789?$', 70],
  ['bdghnpquCEFLPSTYZ{}', 74],
  ['mwMW@%—', 111],
  ['ABDGHKNOQRUVX#&+<=>^~Üé', 88],
  ['日Жשα', 120],
])('each of %j takes %i hundredths of the size where it is bold', (characters, width) => {
  const widths = Array.from(characters, (character) => widthOf(character, BOLD));
  expect(new Set(widths)).toEqual(new Set([width]));
});

test('widths add up, grow with the size, and the regular weight is narrower', () => {
  expect(widthOf('ab', BOLD)).toBe(144);
  expect(widthOf('ab', { ...BOLD, size: 50 })).toBe(72);
  expect(widthOf('ab', NORMAL)).toBe(136);
  expect(widthOf('👩', BOLD)).toBe(120);
  expect(widthOf('', BOLD)).toBe(0);
});

test.each([
  ['aaaa', 280, 'aaaa'],
  // 111 for the ellipsis, and 70 for each letter.
  ['aaaa', 279, 'aa…'],
  ['aaaa', 251, 'aa…'],
  ['aaaa', 250, 'a…'],
  ['aaaa', 100, '…'],
  // A space before the ellipsis goes.
  ['aa aaaa', 300, 'aa…'],
])('%j is fitted into %i pixels as %j', (text, width, fitted) => {
  expect(fitText(text, width, BOLD)).toBe(fitted);
});

test.each([
  ['aa aa aa', 1000, 3, ['aa aa aa']],
  // 70 for each letter, 38 for a space.
  ['aa aa aa', 318, 3, ['aa aa', 'aa']],
  ['aa aa aa', 317, 3, ['aa', 'aa', 'aa']],
  ['aa aa aa', 317, 2, ['aa', 'aa…']],
  ['aa aa aa', 317, 1, ['aa…']],
  ['  aa \n\t aa  ', 1000, 3, ['aa aa']],
  ['aaaaaaaa aa', 300, 3, ['aa…', 'aa']],
  ['', 300, 3, []],
  [' ', 300, 3, []],
])('%j is wrapped to %i pixels in %i lines: %j', (text, width, maxLines, lines) => {
  expect(wrapText(text, width, BOLD, maxLines)).toEqual(lines);
});
