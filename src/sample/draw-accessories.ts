import { body, disc, type Drawing, fill, line } from './ink.ts';

/** A wrist watch. */
export const drawWatch: Drawing = (ink) => {
  const face = ink.random.next() < 0.6 ? '#fbfbf8' : '#23262b';
  const hand = face === '#fbfbf8' ? '#2b2b2f' : '#f4f4f1';
  const marks = Array.from({ length: 12 }, (_, hour) => {
    const [x, y] = [Math.sin((hour * Math.PI) / 6), -Math.cos((hour * Math.PI) / 6)].map((value) =>
      Number(value.toFixed(3)),
    );
    return line(
      `M${30 + (x ?? 0) * 10.2} ${40 + (y ?? 0) * 10.2} L${30 + (x ?? 0) * 11.6} ${40 + (y ?? 0) * 11.6}`,
      hand,
      0.9,
    );
  });
  const metal = ink.random.pick(['#c9ced4', '#d5b25c', '#8c9096']);
  return (
    body(ink, 'M23 4 H37 L38 30 H22 Z M22 50 H38 L37 76 H23 Z') +
    line('M24 12 H36 M24 18 H36 M24 62 H36 M24 68 H36', ink.outline, 0.6) +
    `<rect x="44.5" y="38" width="4" height="4" rx="1" fill="${metal}" stroke="#555" stroke-width=".5"/>` +
    disc(30, 40, 15.4, metal, '#555a60') +
    disc(30, 40, 12.8, face, '#777c82') +
    marks.join('') +
    line('M30 40 L30 31.5', hand, 1.1) +
    line('M30 40 L36 43', hand, 1.3) +
    disc(30, 40, 1.1, ink.accent, hand)
  );
};

/** A handbag. */
export const drawHandbag: Drawing = (ink) =>
  line('M19 36 Q19 12 30 12 Q41 12 41 36', ink.outline, 2.6) +
  line('M19 36 Q19 12 30 12 Q41 12 41 36', ink.base, 1.4) +
  body(ink, 'M11 34 H49 L53 66 Q30 71 7 66 Z') +
  fill('M11 34 H49 L50.4 45 Q30 53 9.6 45 Z', ink.dark, 0.55) +
  line('M9.6 45 Q30 53 50.4 45', ink.outline, 0.8) +
  `<rect x="26.5" y="45.5" width="7" height="5.4" rx="1" fill="#d7b85f" stroke="#8d7634" stroke-width=".6"/>` +
  disc(19, 37, 1.5, '#d7b85f', '#8d7634') +
  disc(41, 37, 1.5, '#d7b85f', '#8d7634');

/** A backpack. */
export const drawBackpack: Drawing = (ink) =>
  line('M25 12 Q30 4 35 12', ink.outline, 2) +
  fill('M11 30 Q5 44 9 62 L14 62 V30 Z M49 30 Q55 44 51 62 L46 62 V30 Z', ink.outline) +
  body(ink, 'M14 26 Q14 10 30 10 Q46 10 46 26 L48 66 Q48 71 43 71 H17 Q12 71 12 66 Z') +
  `<rect x="17" y="44" width="26" height="20" rx="4" fill="${ink.dark}" stroke="${ink.outline}" stroke-width=".7"/>` +
  line('M19 49.5 H41', ink.accent, 1) +
  line('M17 24 Q30 34 43 24', ink.outline, 0.9) +
  `<rect x="26" y="34" width="8" height="4" rx="1" fill="${ink.accent}"/>`;

/** A folded wallet. */
export const drawWallet: Drawing = (ink) =>
  body(ink, 'M8 27 Q8 24 11 24 H49 Q52 24 52 27 V55 Q52 58 49 58 H11 Q8 58 8 55 Z') +
  line('M10.5 26.5 H49.5 V55.5 H10.5 Z', ink.light, 0.6, '1.6 1.2') +
  line('M8.4 31 Q30 34 51.6 31', ink.outline, 0.8) +
  body(ink, 'M40 38 H52 V46 H40 Q37 46 37 42 Q37 38 40 38 Z') +
  disc(41.5, 42, 1.5, '#d7d9dd', '#6b6f75');

/** A rolled belt. */
export const drawBelt: Drawing = (ink) =>
  `<g fill="none" stroke-linecap="round"><ellipse cx="32" cy="41" rx="21" ry="12" stroke="${ink.outline}" stroke-width="8.6"/><ellipse cx="32" cy="41" rx="21" ry="12" stroke="${ink.base}" stroke-width="7.2"/>
   <ellipse cx="32" cy="41" rx="21" ry="12" stroke="${ink.light}" stroke-width=".6" stroke-dasharray="1.5 1.3"/></g>` +
  `<rect x="5" y="44" width="15" height="13" rx="2" fill="#d5d8dc" stroke="#6d7178" stroke-width=".9"/><rect x="8.4" y="47.4" width="8.2" height="6.2" rx="1" fill="${ink.dark}"/>` +
  line('M9 50.5 H18', '#d5d8dc', 1.4);

/** Sunglasses. */
export const drawSunglasses: Drawing = (ink) =>
  line('M6 34 Q3 30 8 26 M54 34 Q57 30 52 26', ink.outline, 1.8) +
  line('M26.5 36 Q30 33 33.5 36', ink.base, 2) +
  `<path d="M5 34 Q16 30 27 35 Q27 49 16 49 Q6 48 5 34 Z M55 34 Q44 30 33 35 Q33 49 44 49 Q54 48 55 34 Z" fill="#3a3f46" stroke="${ink.base}" stroke-width="2.2"/>` +
  fill(
    'M8.5 36 Q14 34 19 35.6 L11 44 Q9 41 8.5 36 Z M36.5 36.6 Q42 34 47 35.2 L39 44 Q37 41 36.5 36.6 Z',
    '#ffffff',
    0.22,
  );

/** A cap with a brim. */
export const drawCap: Drawing = (ink) =>
  body(ink, 'M10 50 Q9 26 32 25 Q50 26 50 47 Q30 43 10 50 Z') +
  `<path d="M10 50 Q30 43 50 47 Q58 51 56 56 Q34 50 11 55 Q8 54 10 50 Z" fill="${ink.dark}" stroke="${ink.outline}" stroke-width=".7"/>` +
  line('M32 25 Q28 34 29 45 M32 25 Q42 32 44 45.6', ink.outline, 0.6) +
  disc(32, 25.4, 1.5, ink.outline) +
  fill('M20 36 L25 33 L27 39 L22 41 Z', ink.accent);

/** A tie with stripes. */
export const drawTie: Drawing = (ink) => {
  const blade = 'M26 16 H34 L39 62 L30 74 L21 62 Z';
  const stripes = [22, 32, 42, 52, 62].map((y) => line(`M16 ${y + 8} L44 ${y - 4}`, ink.accent, 2)).join('');
  return `${body(ink, blade)}<clipPath id="tie"><path d="${blade}"/></clipPath><g clip-path="url(#tie)" opacity=".75">${stripes}</g>${body(ink, 'M24 5 H36 L33.6 16 H26.4 Z')}`;
};

/** A pair of earrings. */
export const drawEarrings: Drawing = (ink) => {
  const drop = `${line('M0 -14 Q3 -20 0 -22 Q-4 -21 -3 -17', '#b08d3c', 1.1)}${disc(0, -11, 2.4, '#d7b85f', '#8d7634')}${body(ink, 'M0 -8 Q8 4 5.6 10 Q0 16 -5.6 10 Q-8 4 0 -8 Z')}${disc(-1.6, 5, 1.6, '#ffffff')}`;
  return `<g transform="translate(19 42) scale(1.25)">${drop}</g><g transform="translate(41 42) scale(1.25)">${drop}</g>`;
};

/** A perfume bottle. */
export const drawPerfume: Drawing = (ink) =>
  `<rect x="24" y="10" width="12" height="13" rx="1.6" fill="#3d4046" stroke="#24262a" stroke-width=".7"/><rect x="26.4" y="23" width="7.2" height="4" fill="#c9a03f"/>` +
  body(ink, 'M15 30 Q15 27 18 27 H42 Q45 27 45 30 V68 Q45 71 42 71 H18 Q15 71 15 68 Z') +
  `<rect x="20" y="41" width="20" height="16" fill="#ffffff" opacity=".85"/>` +
  line('M23 46 H37 M25 50 H35 M27 54 H33', ink.outline, 0.8) +
  fill('M17.5 30 H20 V68 H17.5 Z', '#ffffff', 0.4);

/** A lipstick. */
export const drawLipstick: Drawing = (ink) =>
  body(ink, 'M25 34 V18 Q30 10 35 13 V34 Z') +
  `<rect x="23.5" y="33" width="13" height="11" fill="#d5b25c" stroke="#8d7634" stroke-width=".6"/><rect x="21.5" y="43" width="17" height="27" rx="1.4" fill="#2f3136" stroke="#17181a" stroke-width=".6"/>` +
  fill('M24 45 H26.4 V68 H24 Z', '#ffffff', 0.25);

/** A bottle of nail polish. */
export const drawNailPolish: Drawing = (ink) =>
  `<path d="M25 8 H35 L36.4 38 H23.6 Z" fill="#2f3136" stroke="#17181a" stroke-width=".6"/>` +
  body(ink, 'M20 40 Q20 37 23 37 H37 Q40 37 40 40 L43 64 Q43 69 38 69 H22 Q17 69 17 64 Z') +
  fill('M21.5 42 H24 L22.4 65 H19.6 Z', '#ffffff', 0.45);

/** A football. */
export const drawFootball: Drawing = (ink) =>
  disc(30, 40, 21, '#f7f7f4', '#6d7178') +
  fill(
    'M30 31 L38 37 L35 46 H25 L22 37 Z M30 19 L36 22 L30 26 L24 22 Z M50 33 L51 42 L46 40 L45 34 Z M10 33 L9 42 L14 40 L15 34 Z M20 57 L26 60 L22 54 Z M40 57 L34 60 L38 54 Z',
    ink.base,
  ) +
  line('M30 31 V26 M38 37 L45 34 M35 46 L38 54 M25 46 L22 54 M22 37 L15 34', ink.outline, 0.8);

/** A cushion cover. */
export const drawCushion: Drawing = (ink) =>
  body(ink, 'M8 20 Q30 25 52 20 Q48 40 52 62 Q30 57 8 62 Q12 40 8 20 Z') +
  line('M14 26 Q30 29 46 26 Q43 40 46 56 Q30 53 14 56 Q17 40 14 26 Z', ink.accent, 1.2) +
  fill('M30 31 L38 41 L30 51 L22 41 Z', ink.accent, 0.85);

/** A gift box. */
export const drawGift: Drawing = (ink) =>
  body(ink, 'M11 34 H49 V68 H11 Z') +
  `<rect x="8.5" y="26" width="43" height="9" rx="1" fill="${ink.light}" stroke="${ink.outline}" stroke-width=".7"/>` +
  fill('M27 26 H33 V68 H27 Z', ink.accent) +
  line('M30 26 Q18 10 17 20 Q18 26 30 26 Q42 10 43 20 Q42 26 30 26', ink.outline, 1.4);
