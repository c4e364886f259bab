import { expect, test } from 'vitest';
import { decodeStored, decodeStoredOrOlder, encodeStored } from '../../src/storage/stored-json.ts';

const VALUE = { name: 'ü', list: [1, { two: null }], nested: { seed: 42 } };

test('stored JSON is read as it was written, whatever its white space', () => {
  const bytes = encodeStored(VALUE);
  const compact = Buffer.from(JSON.stringify(JSON.parse(bytes.toString())));
  for (const text of [bytes, compact]) {
    expect(decodeStored(text, 'a.json')).toEqual(VALUE);
    expect(decodeStoredOrOlder(text, 'a.json')).toEqual(VALUE);
  }
});

test('a flipped bit is noticed wherever it changes the value', () => {
  const whole = encodeStored(VALUE);
  const damaged = { code: 'RUN_CORRUPT', message: expect.stringContaining('a.json') };
  expect(whole.length).toBeGreaterThan(50);
  let noticedCount = 0;
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole);
    const place = bit >> 3;
    bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << (bit & 7)), place);
    let value: unknown = 'damaged';
    try {
      value = decodeStored(bytes, 'a.json');
    } catch (error) {
      expect(error).toMatchObject(damaged);
      noticedCount += 1;
    }
    // White space may become other white space.
    if (value !== 'damaged') expect(value, `bit ${bit}`).toEqual(VALUE);
  }
  // All but the bits of the white space at the end.
  expect(noticedCount).toBeGreaterThanOrEqual(whole.length * 8 - 8);
});

test('JSON of older versions, which has no checksum, is read where that is said', () => {
  const older = Buffer.from(JSON.stringify(VALUE));
  expect(decodeStoredOrOlder(older, 'a.json')).toEqual(VALUE);
  expect(() => decodeStored(older, 'a.json')).toThrow('checksum');
  const other = Buffer.from(encodeStored(VALUE).toString().replace('42', '43'));
  expect(() => decodeStoredOrOlder(other, 'a.json')).toThrow('checksum');
  expect(() => decodeStoredOrOlder(Buffer.from('{'), 'a.json')).toThrow(SyntaxError);
});
