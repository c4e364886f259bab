import { COLOURS, type Colour, mix } from './colours.ts';
import type { Random } from './random.ts';

/** What a drawing is made with: shades of its colour, an accent, and choices of its own. */
export interface Ink {
  readonly base: string;
  readonly dark: string;
  readonly light: string;
  readonly outline: string;
  readonly accent: string;
  readonly random: Random;
}

/** Draws a product as SVG on a canvas of 60x80. */
export type Drawing = (ink: Ink) => string;

const ACCENTS = ['#ffffff', '#d8423f', '#f2b632', '#3c7dd1', '#2d2d31', '#57a55a'] as const;

/** Mixes the ink of a product; the shade varies a little from one to the next. */
export function mixInk(colour: Colour, random: Random): Ink {
  const base = mix(COLOURS[colour].hex, random.next() < 0.5 ? '#ffffff' : '#000000', random.between(0, 0.08));
  return {
    base,
    dark: mix(base, '#000000', 0.22),
    light: mix(base, '#ffffff', 0.28),
    outline: mix(base, '#000000', 0.42),
    accent: random.pick(ACCENTS),
    random,
  };
}

/** A closed shape, shaded from light to dark, with an outline. */
export function body({ light, base, dark, outline }: Ink, path: string): string {
  return `<defs><linearGradient id="shade" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${light}"/>
    <stop offset=".45" stop-color="${base}"/><stop offset="1" stop-color="${dark}"/></linearGradient></defs>
    <path d="${path}" fill="url(#shade)" stroke="${outline}" stroke-width=".7" stroke-linejoin="round"/>`;
}

/** A plain filled shape. */
export function fill(path: string, colour: string, opacity = 1): string {
  return `<path d="${path}" fill="${colour}" opacity="${opacity}"/>`;
}

/** A line. */
export function line(path: string, colour: string, width = 0.8, dash = ''): string {
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"${dashes}/>`;
}

/** A disc. */
export function disc(x: number, y: number, radius: number, colour: string, outline = 'none'): string {
  return `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour}" stroke="${outline}" stroke-width=".7"/>`;
}

/** What is drawn, cut off at the edge of a shape. */
export function inside(path: string, drawn: string): string {
  return `<clipPath id="cut"><path d="${path}"/></clipPath><g clip-path="url(#cut)">${drawn}</g>`;
}

/** The pattern of a cloth within a shape: plain, stripes, checks, dots or a print on the chest. */
export function pattern(ink: Ink, path: string, kinds: readonly [Pattern, ...Pattern[]]): string {
  const kind = ink.random.pick(kinds);
  const colour = ink.random.next() < 0.5 ? ink.accent : ink.light;
  const step = ink.random.between(4, 7);
  const steps = Array.from({ length: Math.ceil(80 / step) }, (_, index) => index * step);
  const across = steps.map((y) => line(`M0 ${y}H60`, colour, step / 4)).join('');
  const down = steps.map((x) => line(`M${x} 0V80`, colour, step / 4)).join('');
  const dots = steps.flatMap((y) =>
    steps.map((x) => disc(x + (Math.round(y / step) % 2) * (step / 2), y, step / 6, colour)),
  );
  switch (kind) {
    case 'plain':
      return '';
    case 'across':
      return inside(path, `<g opacity=".7">${across}</g>`);
    case 'down':
      return inside(path, `<g opacity=".6">${down}</g>`);
    case 'checks':
      return inside(path, `<g opacity=".45">${across}${down}</g>`);
    case 'dots':
      return inside(path, `<g opacity=".8">${dots.join('')}</g>`);
    case 'print':
      return `${disc(30, 36, 7, ink.accent)}${fill('M25 38 L30 29 L35 38 Z', ink.dark, 0.8)}`;
  }
}

/** Kinds of {@link pattern}. */
export type Pattern = 'plain' | 'across' | 'down' | 'checks' | 'dots' | 'print';
