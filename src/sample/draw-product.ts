import { COLOURS, type Colour } from './colours.ts';
import { mixInk } from './ink.ts';
import { type Gender, PRODUCT_KINDS, type ProductKind } from './products.ts';
import { createRandom } from './random.ts';

/** One product of the catalogue, before quirks. */
export interface Product {
  readonly id: number;
  readonly gender: Gender;
  readonly kind: ProductKind;
  readonly colour: Colour;
  readonly season: string;
  readonly year: number;
  readonly usage: string;
  readonly title: string;
  /** Drawing on white, 60x80. */
  readonly svg: string;
}

/** Ids lie from `FIRST_ID` on; there are `ID_COUNT` of them. */
const FIRST_ID = 1163;
const ID_COUNT = 58_838;

/** Most rows a catalogue can have: some ids stay free for images without a row. */
export const MAX_ROWS = 58_000;

const GENDERS = [
  { value: 'Men', weight: 50 },
  { value: 'Women', weight: 42 },
  { value: 'Unisex', weight: 5 },
  { value: 'Boys', weight: 2 },
  { value: 'Girls', weight: 1.6 },
] as const;

const YEARS = Object.entries({
  2007: 0.3,
  2008: 0.4,
  2009: 0.6,
  2010: 3,
  2011: 28,
  2012: 33,
  2013: 7,
  2014: 4,
  2015: 4,
  2016: 13,
  2017: 4,
  2018: 2,
  2019: 0.7,
}).map(([year, weight]) => ({ value: Number(year), weight }));

const SEASONS = [
  { value: 'Summer', weight: 48 },
  { value: 'Fall', weight: 26 },
  { value: 'Winter', weight: 19 },
  { value: 'Spring', weight: 7 },
] as const;

const BRANDS = [
  'Norwick',
  'Alder & Finch',
  'Tavola',
  'Quinby',
  'Merrow',
  'Ostrava Co',
  'Pell',
  'Lumen',
  'Harrow Lane',
  'Zephyrine',
  'Kestrel',
  'Ondine',
  'Fable',
  'Saffra',
  'Corvo',
  'Mistral',
] as const;
const STYLES = [
  'Classic',
  'Urban',
  'Essential',
  'Weekend',
  'Signature',
  'Breeze',
  'Heritage',
  'Vivid',
  'Comfort',
  'Studio',
] as const;

/** Draws all that a product is from the seed and its index, independent of how many others there are. */
export function drawProduct(seed: number, index: number): Product {
  const random = createRandom(seed, 'product', index);
  const gender = random.pickWeighted<Gender>(GENDERS);
  const kind = random.pickWeighted(
    PRODUCT_KINDS.map((value) => ({ value, weight: value.weights[gender] ?? 0 })),
  );
  const colour = random.pickWeighted(
    Object.entries(COLOURS).map(([name, { weight }]) => ({ value: name as Colour, weight })),
  );
  const usage = random.pick(kind.usages);
  const season =
    kind.masterCategory === 'Accessories' && random.next() < 0.5 ? 'Winter' : random.pickWeighted(SEASONS);
  const year = random.pickWeighted(YEARS);
  const owner = gender === 'Unisex' ? 'Unisex' : gender;
  const title = `${random.pick(BRANDS)} ${owner} ${random.pick(STYLES)} ${colour} ${kind.noun}`;
  return {
    id: toId(seed, index),
    gender,
    kind,
    colour,
    season,
    year,
    usage,
    title,
    svg: drawSvg(seed, index, kind, colour),
  };
}

/** Spreads indices over the ids without repeating one: the factor has no divisor in common with the number of ids. */
function toId(seed: number, index: number): number {
  const start = createRandom(seed, 'ids').below(ID_COUNT);
  return FIRST_ID + ((start + index * 24_391) % ID_COUNT);
}

function drawSvg(seed: number, index: number, kind: ProductKind, colour: Colour): string {
  const random = createRandom(seed, 'drawing', index);
  const ink = mixInk(colour, random);
  const scale = random.between(0.86, 0.99).toFixed(3);
  const shiftX = random.between(-1.5, 1.5).toFixed(2);
  const shiftY = random.between(-1.5, 1.5).toFixed(2);
  const isMirrored = kind.masterCategory === 'Footwear' && random.next() < 0.3;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="80" viewBox="0 0 60 80">
    <rect width="60" height="80" fill="#ffffff"/>
    <g transform="translate(${shiftX} ${shiftY}) translate(30 40) scale(${isMirrored ? `-${scale} ${scale}` : scale}) translate(-30 -40)">${kind.draw(ink)}</g></svg>`;
}
