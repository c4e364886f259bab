import type { Field } from './define-transform.ts';

/**
 * Reads a field from a command line or a URL. What cannot be read stays as it is, or becomes NaN, for the schema to refuse.
 *
 * @returns a number for numbers and squares, two for ranges, else the text
 */
export function parseField(field: Field, text: string): unknown {
  switch (field.kind) {
    case 'number':
      return toNumber(text);
    case 'size':
      return /^\d+$/u.test(text) ? Number(text) : text;
    case 'range':
      return text.split(',').map(toNumber);
    default:
      return text;
  }
}

function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
