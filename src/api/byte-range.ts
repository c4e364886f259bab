import { PixlakeError } from '../errors.ts';

/**
 * Parses a Range header for one range of bytes (https://www.rfc-editor.org/rfc/rfc9110#name-range); `undefined` if there is none, or one of
 * a kind that may be ignored, such as several at once.
 *
 * @throws `RANGE_INVALID` if the object has none of those bytes
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly start: number; readonly length: number } | undefined {
  const { first = '', last = '' } =
    /^bytes=(?<first>\d{0,15})-(?<last>\d{0,15})$/u.exec(header ?? '')?.groups ?? {};
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  if (start > end)
    throw new PixlakeError(
      'RANGE_INVALID',
      `the range begins beyond the end: the object has ${sizeBytes} bytes`,
    );
  return { start, length: end - start + 1 };
}
