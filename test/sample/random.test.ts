import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/sample/random.ts';

describe('a stream of choices', () => {
  test('stays as it was in the first release, so that a seed gives the same catalogue for good', () => {
    const random = createRandom(42, 'product', 7);
    expect(Array.from({ length: 4 }, () => random.next())).toMatchInlineSnapshot(`
      [
        0.6045639379881322,
        0.3954161172732711,
        0.12771595548838377,
        0.6311428693588823,
      ]
    `);
  });

  test('is the same for the same key and another one for any other', () => {
    const first = (...key: (string | number)[]): number => createRandom(...key).next();
    expect(first(1, 'a')).toBe(first(1, 'a'));
    const keys = [[1, 'a'], [1, 'b'], [2, 'a'], ['1', 'a'], [1], [11, 'a'], [1, 1, 'a']];
    expect(new Set(keys.map((key) => first(...key))).size).toBe(keys.length);
  });

  test('has numbers from 0 to below 1 that fill the range evenly', () => {
    const random = createRandom('even');
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw++) {
      const tenth = Math.floor(random.next() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(tenths).toHaveLength(10);
    expect(Math.min(...tenths)).toBeGreaterThan(900);
    expect(Math.max(...tenths)).toBeLessThan(1100);
  });

  test('has numbers between two bounds, and whole ones below a count', () => {
    const random = createRandom('bounds');
    const between = Array.from({ length: 1000 }, () => random.between(-3, 5));
    expect(Math.min(...between)).toBeGreaterThanOrEqual(-3);
    expect(Math.min(...between)).toBeLessThan(-2.9);
    expect(Math.max(...between)).toBeLessThan(5);
    expect(Math.max(...between)).toBeGreaterThan(4.9);
    const below = new Set(Array.from({ length: 1000 }, () => random.below(4)));
    expect(below).toEqual(new Set([0, 1, 2, 3]));
  });
});

describe('a choice among items', () => {
  test('falls on each of them alike', () => {
    const random = createRandom('pick');
    const counts = { a: 0, b: 0, c: 0 };
    for (let draw = 0; draw < 3000; draw++) counts[random.pick(['a', 'b', 'c'] as const)] += 1;
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(900);
  });

  test('falls on each as often as its weight says, and never on one without weight', () => {
    const random = createRandom('weights');
    const items = [
      { value: 'never', weight: 0 },
      { value: 'seldom', weight: 1 },
      { value: 'often', weight: 3 },
    ] as const;
    const counts = { never: 0, seldom: 0, often: 0 };
    for (let draw = 0; draw < 4000; draw++) counts[random.pickWeighted(items)] += 1;
    expect(counts.never).toBe(0);
    expect(counts.seldom).toBeGreaterThan(900);
    expect(counts.seldom).toBeLessThan(1100);
  });

  test('falls on the first where no item has a weight', () => {
    const items = ['a', 'b'].map((value) => ({ value, weight: 0 }));
    expect(createRandom('zero').pickWeighted(items)).toBe('a');
  });

  test('is refused where there are no items', () => {
    expect(() => createRandom('none').pickWeighted([])).toThrow(RangeError);
  });
});
