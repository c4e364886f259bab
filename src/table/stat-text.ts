/** Characters of a text that statistics keep, as in Spark. More would make the log large. */
const MAX_LENGTH = 32;

const LAST_CODE_POINT = 0x10ffff;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** A text of at most 32 characters that is not greater than `text` in code point order. */
export function lowerBoundOf(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_LENGTH ? text : characters.slice(0, MAX_LENGTH).join('');
}

/**
 * A text of at most 32 characters that is not less than `text` in code point order: the beginning, with its last character increased.
 * `undefined` if no such text exists.
 */
export function upperBoundOf(text: string): string | undefined {
  const characters = Array.from(text);
  if (characters.length <= MAX_LENGTH) return text;
  for (let length = MAX_LENGTH; length > 0; length--) {
    const last = characters[length - 1]?.codePointAt(0) ?? LAST_CODE_POINT;
    if (last === LAST_CODE_POINT) continue;
    // Surrogates are not characters.
    const next = last + 1 === FIRST_SURROGATE ? LAST_SURROGATE + 1 : last + 1;
    return characters.slice(0, length - 1).join('') + String.fromCodePoint(next);
  }
  return undefined;
}
