import { expect, test } from 'vitest';
import { PRODUCT_KINDS } from '../../src/sample/products.ts';

const GENDERS = ['Men', 'Women', 'Unisex', 'Boys', 'Girls'] as const;

test('each kind of product has its classes, usages, customers and a drawing', () => {
  for (const { masterCategory, subCategory, articleType, noun, usages, weights, draw } of PRODUCT_KINDS) {
    for (const text of [masterCategory, subCategory, articleType, noun, ...usages])
      expect(text, articleType).toMatch(/^[A-Z][A-Za-z -]+$/u);
    expect(usages.length, articleType).toBeGreaterThan(0);
    const shares = Object.entries(weights);
    expect(shares.length, articleType).toBeGreaterThan(0);
    expect(shares.filter(([gender, weight]) => !GENDERS.includes(gender as 'Men') || weight <= 0)).toEqual(
      [],
    );
    expect(draw, articleType).toBeTypeOf('function');
  }
  expect(new Set(PRODUCT_KINDS.map(({ articleType }) => articleType)).size).toBe(PRODUCT_KINDS.length);
});

test('the classes are those of the real catalogue, and each has its share of the customers', () => {
  const classes: Record<string, Record<string, number>> = {};
  for (const { masterCategory, weights } of PRODUCT_KINDS) {
    const sums = (classes[masterCategory] ??= { kinds: 0 });
    sums['kinds'] = (sums['kinds'] ?? 0) + 1;
    for (const gender of GENDERS)
      sums[gender] = Number(((sums[gender] ?? 0) + (weights[gender] ?? 0)).toFixed(1));
  }
  expect(classes).toMatchInlineSnapshot(`
    {
      "Accessories": {
        "Boys": 0,
        "Girls": 2,
        "Men": 20,
        "Unisex": 64,
        "Women": 21.9,
        "kinds": 10,
      },
      "Apparel": {
        "Boys": 81,
        "Girls": 93,
        "Men": 46.4,
        "Unisex": 6,
        "Women": 43.5,
        "kinds": 13,
      },
      "Footwear": {
        "Boys": 6,
        "Girls": 8,
        "Men": 25,
        "Unisex": 18,
        "Women": 14.5,
        "kinds": 7,
      },
      "Free Items": {
        "Boys": 0,
        "Girls": 0,
        "Men": 0.2,
        "Unisex": 2,
        "Women": 0.3,
        "kinds": 1,
      },
      "Home": {
        "Boys": 0,
        "Girls": 0,
        "Men": 0,
        "Unisex": 1,
        "Women": 0,
        "kinds": 1,
      },
      "Personal Care": {
        "Boys": 0,
        "Girls": 0,
        "Men": 1.4,
        "Unisex": 0,
        "Women": 6.2,
        "kinds": 3,
      },
      "Sporting Goods": {
        "Boys": 0,
        "Girls": 0,
        "Men": 0,
        "Unisex": 3,
        "Women": 0,
        "kinds": 1,
      },
    }
  `);
});

test('some kinds are used in several ways, as often as real ones', () => {
  const usagesOf = (type: string): readonly string[] | undefined =>
    PRODUCT_KINDS.find(({ articleType }) => articleType === type)?.usages;
  expect(usagesOf('Tshirts')).toEqual(['Casual', 'Casual', 'Casual', 'Casual', 'Sports']);
  expect(usagesOf('Shirts')).toEqual(['Casual', 'Formal']);
  expect(usagesOf('Kurtas')).toEqual(['Ethnic']);
  expect(usagesOf('Earrings')).toEqual(['Casual', 'Ethnic', 'Party']);
  expect(usagesOf('Footballs')).toEqual(['Sports']);
});
