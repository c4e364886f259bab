/** A leaf, or nested lists and objects of leaves. */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [key: string]: Tree<Leaf> };

/** Leaves that all forms have. */
export type CommonLeaf = null | boolean | number | string;

/**
 * A value of a result as plain JavaScript: integers are numbers up to ±(2^53 - 1) and bigint beyond, floating-point numbers are numbers, bytes are
 * a `Uint8Array`; for all others see `converterTo`. Times are text, because a `Date` has only milliseconds.
 */
export type PlainValue = Tree<CommonLeaf | bigint | Uint8Array>;

/** Text of a single value: a string without quotes, lists and objects as JSON. */
export function textOf(value: PlainValue): string {
  if (value === null || typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}
