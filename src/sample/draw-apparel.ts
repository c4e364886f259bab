import { body, disc, type Drawing, fill, line, pattern } from './ink.ts';

const TEE =
  'M20 13 L12 17 L4 32 L12 37 L16 31 L15 68 Q30 71 45 68 L44 31 L48 37 L56 32 L48 17 L40 13 Q30 21 20 13 Z';
const SHIRT =
  'M21 12 L12 16 L5 52 L11 54 L16 33 L15 69 Q30 72 45 69 L44 33 L49 54 L55 52 L48 16 L39 12 L30 19 Z';

/** A T-shirt, plain, striped or printed. */
export const drawTee: Drawing = (ink) =>
  body(ink, TEE) +
  pattern(ink, TEE, ['plain', 'plain', 'across', 'print', 'print']) +
  line('M20 13 Q30 22 40 13', ink.outline, 1.6) +
  line('M16 31 L17 60 M44 31 L43 60', ink.dark, 0.5);

/** A long-sleeved shirt with collar and buttons. */
export const drawShirt: Drawing = (ink) => {
  const buttons = [26, 35, 44, 53, 62].map((y) => disc(30.8, y, 0.7, ink.light, ink.outline)).join('');
  return (
    body(ink, SHIRT) +
    pattern(ink, SHIRT, ['plain', 'checks', 'down', 'checks']) +
    line('M29 19 V70', ink.outline, 0.6) +
    buttons +
    fill('M21 12 L30 20 L25 26 L18 15 Z', ink.light) +
    fill('M39 12 L30 20 L35 26 L42 15 Z', ink.light) +
    line('M21 12 L30 20 L25 26 L18 15 Z M39 12 L30 20 L35 26 L42 15 Z', ink.outline, 0.6) +
    line('M35 34 H42 V41 H35 Z', ink.outline, 0.5)
  );
};

/** A sleeveless top. */
export const drawTop: Drawing = (ink) => {
  const path =
    'M21 12 L24 12 Q30 25 36 12 L39 12 Q40 24 45 28 L42 42 L48 66 Q30 72 12 66 L18 42 L15 28 Q20 24 21 12 Z';
  return (
    body(ink, path) +
    pattern(ink, path, ['plain', 'dots', 'across', 'dots']) +
    line('M18 42 Q30 46 42 42', ink.outline, 1) +
    line('M24 48 L20 66 M30 49 V69 M36 48 L40 66', ink.dark, 0.5)
  );
};

/** A long tunic with a border. */
export const drawKurta: Drawing = (ink) => {
  const path = 'M22 7 L13 11 L7 38 L13 40 L18 25 L13 75 H47 L42 25 L47 40 L53 38 L47 11 L38 7 Q30 14 22 7 Z';
  return (
    body(ink, path) +
    pattern(ink, path, ['plain', 'dots', 'down']) +
    fill('M13.5 69 H46.5 L47 75 H13 Z', ink.accent, 0.85) +
    fill('M27.5 12 H32.5 V34 H27.5 Z', ink.accent, 0.85) +
    line('M30 12 V34', ink.outline, 0.5)
  );
};

/** A zipped jacket or a hooded sweatshirt. */
export const drawJacket: Drawing = (ink) => {
  const isHooded = ink.random.next() < 0.5;
  const front = isHooded
    ? line('M19 14 Q30 2 41 14 Q30 26 19 14 Z', ink.outline, 0.8) +
      fill('M19 14 Q30 4 41 14 Q30 24 19 14 Z', ink.dark, 0.8) +
      line('M22 50 L19 60 H41 L38 50 Z', ink.outline, 0.7)
    : fill('M21 12 L30 20 L27 31 L17 15 Z M39 12 L30 20 L33 31 L43 15 Z', ink.dark) +
      line('M22 44 L26 54 M38 44 L34 54', ink.outline, 0.9);
  return (
    body(ink, SHIRT) +
    front +
    line('M30 20 V70', isHooded ? ink.dark : '#c9ccd0', 1.1) +
    fill(
      'M5 50 L11 52 L11 55 L4.6 53 Z M55 50 L49 52 L49 55 L55.4 53 Z M15 66 Q30 69 45 66 V69.5 Q30 72.5 15 69.5 Z',
      ink.outline,
      0.7,
    )
  );
};

const LEGS = 'M18 7 H42 L46 74 H34 L30 27 L26 74 H14 Z';

/** Jeans with seams and pockets. */
export const drawJeans: Drawing = (ink) =>
  body(ink, LEGS) +
  fill('M18 7 H42 L42.3 11 H17.7 Z', ink.dark) +
  line('M19 12 Q21 18 27 17 M41 12 Q39 18 33 17', '#d9a95b', 0.7, '1.4 1') +
  line('M30 11 V27 M18 20 L15 73 M42 20 L45 73', '#d9a95b', 0.5, '1.4 1') +
  disc(30, 9, 0.9, '#c9a03f') +
  fill('M20 32 L24 32 L22 58 L18 58 Z M37 32 L41 32 L42 58 L38 58 Z', ink.light, 0.35);

/** Trousers with creases. */
export const drawTrousers: Drawing = (ink) =>
  body(ink, LEGS) +
  fill('M18 7 H42 L42.3 11 H17.7 Z', ink.dark) +
  line('M22 14 L20 73 M38 14 L40 73', ink.outline, 0.6) +
  line('M30 11 V27 M19 13 L23 20 M41 13 L37 20', ink.outline, 0.6);

/** Track pants with a stripe down the side. */
export const drawTrackPants: Drawing = (ink) =>
  body(ink, 'M18 7 H42 L45 72 Q40 75 35 72 L30 29 L25 72 Q20 75 15 72 Z') +
  line('M19.5 12 L17.5 72 M40.5 12 L42.5 72', ink.accent, 1.8) +
  line('M29 10 L28 19 M31 10 L32 19', '#ffffff', 0.8) +
  fill('M18 7 H42 V11 H18 Z', ink.dark);

/** Shorts. */
export const drawShorts: Drawing = (ink) => {
  const path = 'M16 20 H44 L50 56 Q42 59 33 57 L30 38 L27 57 Q18 59 10 56 Z';
  return (
    body(ink, path) +
    pattern(ink, path, ['plain', 'plain', 'checks']) +
    fill('M16 20 H44 L44.6 24 H15.4 Z', ink.dark) +
    line('M30 24 V38 M17 26 Q19 34 14 36 M43 26 Q41 34 46 36', ink.outline, 0.7)
  );
};

/** A pleated skirt. */
export const drawSkirt: Drawing = (ink) => {
  const path = 'M20 19 H40 L51 61 Q30 68 9 61 Z';
  return (
    body(ink, path) +
    pattern(ink, path, ['plain', 'dots', 'checks', 'plain']) +
    fill('M20 19 H40 L41 23 H19 Z', ink.outline) +
    line('M22 24 L15 63 M27 24 L25 65 M33 24 L35 65 M38 24 L45 63', ink.outline, 0.6)
  );
};

/** A dress with a belt. */
export const drawDress: Drawing = (ink) => {
  const path =
    'M23 6 L25 6 Q30 17 35 6 L37 6 Q38 17 42 21 L37 37 L50 74 Q30 80 10 74 L23 37 L18 21 Q22 17 23 6 Z';
  return (
    body(ink, path) +
    pattern(ink, path, ['plain', 'dots', 'across', 'dots', 'plain']) +
    fill('M22.6 35 H37.4 L38 39 H22 Z', ink.accent, 0.9) +
    line('M27 40 L22 75 M33 40 L38 75', ink.outline, 0.5)
  );
};

/** Briefs with a waistband. */
export const drawBriefs: Drawing = (ink) =>
  body(ink, 'M11 29 H49 L49 40 Q38 42 34 56 H26 Q22 42 11 40 Z') +
  fill('M11 29 H49 V34 H11 Z', ink.accent, 0.9) +
  line('M11 34 H49', ink.outline, 0.5) +
  line('M25 36 Q24 48 28 55 M35 36 Q36 48 32 55', ink.outline, 0.6);

/** A pair of socks. */
export const drawSocks: Drawing = (ink) => {
  const sock = 'M16 12 H28 V44 Q29 50 38 56 Q42 62 34 65 Q24 64 16 54 Z';
  return `<g transform="translate(10 -2)">${body(ink, sock)}</g><g transform="translate(-4 2)">${body(ink, sock)}${fill('M16 12 H28 V20 H16 Z', ink.accent)}${line('M16 24 H28 M16 28 H28', ink.accent, 1.4)}${fill('M30 53 Q42 60 36 65 L31 64 Q34 58 28 54 Z', ink.accent)}</g>`;
};
