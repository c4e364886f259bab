import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { drawProduct, MAX_ROWS, type Product } from '../../src/sample/draw-product.ts';

let products: readonly Product[] | undefined;
/** The first of a catalogue. Not drawn before there are tests, which could not fail then. */
function drawn(): readonly Product[] {
  products ??= Array.from({ length: 1500 }, (_, index) => drawProduct(42, index));
  return products;
}

describe('a product', () => {
  test('stays as it was in the first release, so that a seed gives the same catalogue for good', () => {
    const { svg, kind, ...rest } = drawProduct(42, 0);
    expect({
      ...rest,
      kind: kind.articleType,
      svg: hash('sha256', svg).slice(0, 16),
    }).toMatchInlineSnapshot(`
      {
        "colour": "Purple",
        "gender": "Women",
        "id": 50986,
        "kind": "Trousers",
        "season": "Winter",
        "svg": "0f31ca215909eed7",
        "title": "Norwick Women Comfort Purple Trousers",
        "usage": "Casual",
        "year": 2016,
      }
    `);
    const text = drawn().map((one) => Object.values({ ...one, kind: one.kind.articleType }).join());
    expect(hash('sha256', text.join('\n')).slice(0, 16)).toMatchInlineSnapshot(`"365c306a04648a86"`);
  });

  test('depends on its seed and index alone', () => {
    expect(drawProduct(42, 7)).toEqual(drawn()[7]);
    expect(drawProduct(43, 7)).not.toEqual(drawn()[7]);
  });

  test('has a title that names whom it is for, its colour and what it is', () => {
    const odd = drawn().filter(
      ({ title, gender, colour, kind }) =>
        !title.includes(` ${gender} `) || !title.endsWith(` ${colour} ${kind.noun}`),
    );
    expect(odd).toEqual([]);
    const words = drawn().map(({ title, gender }) => title.split(` ${gender} `));
    expect(new Set(words.map(([brand]) => brand)).size).toBe(16);
    expect(new Set(words.map(([, rest]) => rest?.split(' ')[0])).size).toBe(10);
  });

  test('is of a kind that its customers buy, and used as that kind is', () => {
    const odd = drawn().filter(
      ({ gender, kind, usage }) => !(kind.weights[gender] ?? 0) || !kind.usages.includes(usage),
    );
    expect(odd).toEqual([]);
  });

  test('is drawn on white in 60x80, at most as large as that, and only shoes are mirrored', () => {
    const scales = drawn().map(({ svg }) => /scale\((-?)([\d.]+)/u.exec(svg));
    expect(drawn()[0]?.svg).toContain('<rect width="60" height="80" fill="#ffffff"/>');
    expect(new Set(scales.map((scale) => scale?.[2]?.slice(0, 4)))).toEqual(
      new Set(Array.from({ length: 14 }, (_, index) => (0.86 + index / 100).toFixed(2))),
    );
    const mirrored = drawn().filter((_, index) => scales[index]?.[1] === '-');
    expect(new Set(mirrored.map(({ kind }) => kind.masterCategory))).toEqual(new Set(['Footwear']));
    const shoes = drawn().filter(({ kind }) => kind.masterCategory === 'Footwear');
    expect(mirrored.length / shoes.length).toBeCloseTo(0.3, 1);
  });
});

describe('a catalogue', () => {
  test.each<[string, (product: Product) => boolean, number]>([
    ['men', ({ gender }) => gender === 'Men', 50],
    ['women', ({ gender }) => gender === 'Women', 42],
    ['things for all', ({ gender }) => gender === 'Unisex', 5],
    ['black things', ({ colour }) => colour === 'Black', 22],
    ['summer', ({ season }) => season === 'Summer', 42],
    ['spring', ({ season }) => season === 'Spring', 6],
    ['2012', ({ year }) => year === 2012, 33],
    ['2016', ({ year }) => year === 2016, 13],
  ])('has its share of %s', (_, isCounted, expected) => {
    const percent = (100 * drawn().filter(isCounted).length) / drawn().length;
    expect(Math.abs(percent - expected)).toBeLessThan(2);
  });

  test('has all colours, seasons and years', () => {
    expect(new Set(drawn().map(({ colour }) => colour)).size).toBe(24);
    expect([...new Set(drawn().map(({ season }) => season))].toSorted()).toEqual([
      'Fall',
      'Spring',
      'Summer',
      'Winter',
    ]);
    expect(new Set(drawn().map(({ year }) => year))).toEqual(
      new Set(Array.from({ length: 13 }, (_, index) => 2007 + index)),
    );
  });

  test('sells accessories in winter above all', () => {
    const accessories = drawn().filter(({ kind }) => kind.masterCategory === 'Accessories');
    const wintry = accessories.filter(({ season }) => season === 'Winter');
    expect(wintry.length / accessories.length).toBeCloseTo(0.6, 1);
  });

  test('has ids of its own for each row, among those of the real one', () => {
    const ids = drawn().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(1163);
    expect(Math.max(...ids)).toBeLessThanOrEqual(60_000);
    const last = drawProduct(42, MAX_ROWS - 1);
    expect(ids).not.toContain(last.id);
    expect(last.id).toBeLessThanOrEqual(60_000);
  });
});
