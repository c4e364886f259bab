import { describe, expect, test } from 'vitest';
import { cutText, displayWidth, neutralizeText } from '../../src/result/display-text.ts';

describe('text made safe', () => {
  test.each([
    ['plain ~ text', 'plain ~ text'],
    ['é 日本 👩‍👩‍👧 \u200c', 'é 日本 👩‍👩‍👧 \u200c'],
    ['\0a\u001fb\u001b[2J\n', '␀a␟b␛[2J␊'],
    ['a\u007f', 'a␡'],
    ['\u0080\u009f\u2028\u2029\u202e\u200b\ufeff', '�������'],
    ['\u{e0041}x', '�x'],
  ])('%j is %s', (text, safe) => {
    expect(neutralizeText(text)).toBe(safe);
  });
});

describe('columns of a terminal', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    // Letter and accent are one.
    ['e\u0301', 1],
    ['aé', 2],
    ['日本', 4],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['😀', 2],
    ['☺', 1],
    ['☺\ufe0f', 2],
    ['␛', 1],
  ])('of %j are %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  const wide = [
    [0x1100, 0x115f],
    [0x2e80, 0x303e],
    [0x3041, 0xa4cf],
    [0xa960, 0xa97f],
    [0xac00, 0xd7a3],
    [0xf900, 0xfaff],
    [0xfe30, 0xfe6f],
    [0xff01, 0xff60],
    [0xffe0, 0xffe6],
    [0x20000, 0x3fffd],
  ] as const;

  test.each(wide)('are two for East Asian letters from %x to %x', (first, last) => {
    const widthOf = (code: number): number => displayWidth(String.fromCodePoint(code));
    expect([widthOf(first), widthOf(last)]).toEqual([2, 2]);
    expect([widthOf(first - 1), widthOf(last + 1)]).not.toContain(0);
  });

  test('are one for what lies between those', () => {
    const between = [0x10ff, 0x1160, 0x2e7f, 0x303f, 0xa4d0, 0xa95f, 0xa980, 0xf8ff, 0xfb00, 0xff61, 0xffdf];
    expect(between.map((code) => displayWidth(String.fromCodePoint(code)))).toEqual(between.map(() => 1));
  });
});

describe('text cut to columns', () => {
  test.each([
    ['abc', 3, 'abc'],
    ['abc', 2, 'a…'],
    ['abc', 1, '…'],
    ['abc', 0, '…'],
    ['aé', 2, 'aé'],
    ['aéb', 2, 'a…'],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['日本語', 3, '日…'],
    ['日本語', 2, '…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    // Fewer characters than columns, but wider.
    ['日a', 2, '…'],
    ['', 0, ''],
  ])('%j in %i is %s', (text, width, cut) => {
    expect(cutText(text, width)).toBe(cut);
  });
});
