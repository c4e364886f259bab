import { body, disc, type Drawing, fill, line } from './ink.ts';

/** A casual lace-up shoe from the side. */
export const drawCasualShoe: Drawing = (ink) =>
  body(ink, 'M6 54 Q5 41 10 37 Q17 39 22 37 Q27 45 38 47 Q54 49 55 57 L55 59 H6 Z') +
  `<rect x="5" y="57" width="51" height="5.6" rx="2.6" fill="#f3f0e8" stroke="#9b968a" stroke-width=".7"/>` +
  line(
    'M22 38 L27 47 M19 44 L29 43 M22 48 L32 45.5 M26 50.5 L36 47.5',
    ink.random.next() < 0.6 ? '#ffffff' : ink.light,
    1.2,
  ) +
  line('M7 47 Q12 50 17 47 L16 57 M40 48 Q38 53 40 57', ink.outline, 0.8);

/** A sports shoe with stripes and a thick sole. */
export const drawSportsShoe: Drawing = (ink) =>
  body(ink, 'M5 53 Q4 40 9 35 Q14 39 20 35 Q27 43 38 46 Q55 48 56 56 L56 58 H5 Z') +
  fill('M15 56 L23 43 L27 45 L21 56 Z M24 56 L31 46 L34.5 47.4 L29 56 Z', ink.accent) +
  `<path d="M4 56 H57 Q57 64 50 64 H9 Q3 64 4 56 Z" fill="#f6f6f4" stroke="#8d9095" stroke-width=".7"/>` +
  line('M5 60.5 H56', ink.base, 1.3) +
  line('M21 37 L30 44 M18 41 L24 39 M22 44 L29 41.5', '#ffffff', 1.2) +
  fill('M46 50 Q55 51 56 57 L47 57 Q48 53 46 50 Z', ink.dark, 0.8);

/** A formal shoe with a toe cap and a heel. */
export const drawFormalShoe: Drawing = (ink) =>
  body(ink, 'M6 55 Q5 44 9 41 Q18 44 24 41 Q30 49 44 51 Q56 53 57 58 H6 Z') +
  fill('M6 58 H57 L56 61 H19 V64.5 H6 Z', '#26211f') +
  line('M44 51 Q41 54 43 58 M9 42 Q13 47 12 57 M24 42 Q21 47 29 49', ink.outline, 0.8) +
  line('M22 45 L28 44 M25 48 L31 46.8', ink.light, 1) +
  fill('M46 52.5 Q53 53.6 55 56 Q50 55 45.5 54.8 Z', '#ffffff', 0.35);

/** A high-heeled shoe. */
export const drawHeel: Drawing = (ink) =>
  body(
    ink,
    'M8 37 Q13 31 19 35 Q29 52 47 54 Q55 55 55 60 H40 Q27 58 17 47 Q15 55 14.5 67 H11.5 Q12 50 8 37 Z',
  ) +
  line('M17 47 Q28 59 41 60 H55', ink.outline, 1.3) +
  (ink.random.next() < 0.5
    ? disc(46, 55.5, 1.7, ink.accent, ink.outline)
    : line('M13 33 Q22 27 24 40', ink.outline, 1.1));

/** A flat shoe with a bow. */
export const drawFlat: Drawing = (ink) =>
  body(ink, 'M6 49 Q7 43 12 46 Q22 54 34 50 Q44 46 52 52 Q57 58 52 60 H9 Q5 57 6 49 Z') +
  fill('M12 46.5 Q22 55 34 51 Q30 57 20 56 Q12 54 12 46.5 Z', ink.outline, 0.55) +
  fill('M38 49 L43 46 V51.5 Z M48 49 L43 46 V51.5 Z', ink.accent) +
  line('M8 60.4 H53', '#4a3b30', 1.3);

/** A sandal with straps. */
export const drawSandal: Drawing = (ink) =>
  `<path d="M5 57 Q30 51 56 57 Q57 63 50 63 H10 Q4 63 5 57 Z" fill="#8a6a4a" stroke="#4d3a28" stroke-width=".7"/>` +
  `<path d="M5 57 Q30 50 56 57 Q30 60 5 57 Z" fill="#c7a17a"/>` +
  `<g fill="none" stroke="${ink.base}" stroke-width="4.2" stroke-linecap="round"><path d="M33 57 Q40 40 50 57"/><path d="M11 57 Q8 38 17 38 Q25 38 24 57"/><path d="M22 45 Q32 46 38 50"/></g>` +
  line('M33 57 Q40 40 50 57 M11 57 Q8 38 17 38 Q25 38 24 57', ink.outline, 0.6) +
  `<rect x="14.5" y="36.5" width="4.6" height="4" fill="none" stroke="#d7c48a" stroke-width="1"/>`;

/** A pair of flip flops from above. */
export const drawFlipFlops: Drawing = (ink) => {
  const sole = 'M14 14 Q24 8 26 22 Q28 40 25 60 Q21 72 14 66 Q7 58 9 40 Q7 22 14 14 Z';
  const flop = `${body(ink, sole)}${line('M17 22 Q10 32 10.5 42 M17 22 Q24 32 25.6 42', ink.accent, 2.6)}${disc(17, 21, 1.4, ink.outline)}`;
  return `<g transform="translate(-4 0)">${flop}</g><g transform="translate(64 0) scale(-1 1)">${flop}</g>`;
};
