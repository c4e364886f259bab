import { describe, expect, test } from 'vitest';
import {
  body,
  disc,
  fill,
  type Ink,
  inside,
  line,
  mixInk,
  type Pattern,
  pattern,
} from '../../src/sample/ink.ts';
import { createRandom, type Random } from '../../src/sample/random.ts';

/** Choices that are always the same: each number drawn is this one. */
function always(drawn: number): Random {
  return {
    next: () => drawn,
    below: (count) => Math.floor(drawn * count),
    between: (min, max) => min + (max - min) * drawn,
    pick: (items) => items[Math.floor(drawn * items.length)] ?? items[0],
    pickWeighted: () => {
      throw new Error('ink has no weights');
    },
  };
}

test('the shades of an ink lie around its colour, which is lightened or darkened a little', () => {
  expect(mixInk('Black', always(0))).toMatchObject({
    base: '#2b2b2f',
    dark: '#222225',
    light: '#666669',
    outline: '#19191b',
    accent: '#ffffff',
  });
  // Lightened below a half, darkened from there on.
  expect(mixInk('Black', always(0.49)).base).toBe('#333337');
  expect(mixInk('Black', always(0.5))).toMatchObject({ base: '#29292d', accent: '#3c7dd1' });
  expect(mixInk('Black', always(0.99)).base).toBe('#28282b');
});

test('shapes are closed, lines are not filled, and a dash is only there where one is asked for', () => {
  expect(fill('M0 0', '#123456')).toBe('<path d="M0 0" fill="#123456" opacity="1"/>');
  expect(fill('M0 0', '#123456', 0.5)).toBe('<path d="M0 0" fill="#123456" opacity="0.5"/>');
  expect(line('M0 0', 'red')).toBe(
    '<path d="M0 0" fill="none" stroke="red" stroke-width="0.8" stroke-linecap="round" stroke-linejoin="round"/>',
  );
  expect(line('M0 0', 'red', 2, '1 2')).toBe(
    '<path d="M0 0" fill="none" stroke="red" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" stroke-dasharray="1 2"/>',
  );
  expect(disc(1, 2, 3, 'red')).toBe(
    '<circle cx="1" cy="2" r="3" fill="red" stroke="none" stroke-width=".7"/>',
  );
  expect(disc(1, 2, 3, 'red', 'blue')).toContain('stroke="blue"');
  expect(inside('M1 1', 'drawn')).toBe(
    '<clipPath id="cut"><path d="M1 1"/></clipPath><g clip-path="url(#cut)">drawn</g>',
  );
});

test('a body is shaded from light over base to dark', () => {
  const ink = mixInk('Red', always(0));
  const colours = body(ink, 'M0 0').match(/#[0-9a-f]{6}/gu);
  expect(colours).toEqual([ink.light, ink.base, ink.dark, ink.outline]);
});

describe('a pattern', () => {
  const ink: Ink = { ...mixInk('Red', always(0)), random: always(0) };
  const drawn = (kind: Pattern, random = always(0)): string => pattern({ ...ink, random }, 'M9 9', [kind]);

  test('of none is nothing, and the others but a print are cut off at the edge of the shape', () => {
    expect(drawn('plain')).toBe('');
    const cut = (['across', 'down', 'checks', 'dots'] as const).map((kind) => drawn(kind));
    expect(cut.every((svg) => svg.startsWith('<clipPath id="cut"><path d="M9 9"/></clipPath>'))).toBe(true);
    expect(drawn('print')).toBe(
      `${disc(30, 36, 7, ink.accent)}${fill('M25 38 L30 29 L35 38 Z', ink.dark, 0.8)}`,
    );
  });

  test('of stripes has one line every step, across the whole picture', () => {
    const ofSteps = (count: number, draw: (at: number) => string): string =>
      Array.from({ length: count }, (_, index) => draw(index)).join('');
    const across = ofSteps(20, (index) => line(`M0 ${index * 4}H60`, ink.accent, 1));
    const down = ofSteps(20, (index) => line(`M${index * 4} 0V80`, ink.accent, 1));
    expect(drawn('across')).toBe(inside('M9 9', `<g opacity=".7">${across}</g>`));
    expect(drawn('down')).toBe(inside('M9 9', `<g opacity=".6">${down}</g>`));
    expect(drawn('checks')).toBe(inside('M9 9', `<g opacity=".45">${across}${down}</g>`));
    // Steps are 4 to 7 wide; the last one may reach beyond the picture.
    const wide = ofSteps(15, (index) => line(`M0 ${index * 5.5}H60`, ink.light, 5.5 / 4));
    expect(drawn('across', always(0.5))).toBe(inside('M9 9', `<g opacity=".7">${wide}</g>`));
  });

  test('of dots has every other row moved by half a step', () => {
    const svg = drawn('dots');
    const rowOf = (y: number): string[] =>
      [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"/gu)]
        .filter(([, , cy]) => Number(cy) === y)
        .map(([, cx, , r]) => `${cx} ${Number(r).toFixed(3)}`);
    expect(rowOf(0).slice(0, 3)).toEqual(['0 0.667', '4 0.667', '8 0.667']);
    expect(rowOf(4).slice(0, 3)).toEqual(['2 0.667', '6 0.667', '10 0.667']);
    expect(rowOf(8)).toEqual(rowOf(0));
    expect(rowOf(0)).toHaveLength(20);
  });

  test('is one of those that are asked for', () => {
    const random = createRandom('kinds');
    const kinds = Array.from({ length: 40 }, () => pattern({ ...ink, random }, 'M9 9', ['plain', 'print']));
    expect(new Set(kinds).size).toBe(2);
  });
});
