import { createHash } from 'node:crypto';

/** A stream of pseudo-random choices that is the same for the same key on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A number in [min, max). */
  between(min: number, max: number): number;
  /** A whole number in [0, count). */
  below(count: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** One of the items, each as likely as its weight says. */
  pickWeighted<T>(items: readonly { readonly value: T; readonly weight: number }[]): T;
}

/** Opens the stream of a key; streams of other keys do not depend on how much of this one is used. */
export function createRandom(...key: readonly (string | number)[]): Random {
  let state = createHash('sha256').update(JSON.stringify(key)).digest().readUInt32LE(0);
  // Mulberry32 by Tommy Ettinger (public domain): 32 bits of state are plenty for one product.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    between: (min, max) => min + (max - min) * next(),
    pick: (items) => items[below(items.length)] ?? items[0],
    pickWeighted: (items) => {
      let rest = next() * items.reduce((sum, { weight }) => sum + weight, 0);
      for (const { value, weight } of items) {
        rest -= weight;
        if (rest < 0) return value;
      }
      const [first] = items;
      if (first === undefined) throw new RangeError('nothing to pick from');
      return first.value;
    },
  };
}
