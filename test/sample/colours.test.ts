import { expect, test } from 'vitest';
import { COLOURS, mix } from '../../src/sample/colours.ts';

test('every colour has a code and a weight, and black is the most common', () => {
  const colours = Object.entries(COLOURS);
  expect(colours).toHaveLength(24);
  for (const [name, { hex, weight }] of colours) {
    expect(hex, name).toMatch(/^#[0-9a-f]{6}$/u);
    expect(weight, name).toBeGreaterThan(0);
  }
  expect(new Set(colours.map(([, { hex }]) => hex)).size).toBe(24);
  expect(Math.max(...colours.map(([, { weight }]) => weight))).toBe(COLOURS.Black.weight);
});

test.each([
  ['#000000', '#ffffff', 0, '#000000'],
  ['#000000', '#ffffff', 1, '#ffffff'],
  ['#102030', '#304060', 0.5, '#203048'],
  ['#ff8001', '#000000', 0.25, '#bf6001'],
  ['#0a0b0c', '#0a0b0c', 0.3, '#0a0b0c'],
])('%s and %s mixed at %f give %s', (from, to, share, mixed) => {
  expect(mix(from, to, share)).toBe(mixed);
});
