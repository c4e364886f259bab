import { expect, test } from 'vitest';
import { z } from 'zod';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import {
  decodeStored,
  decodeStoredOrOlder,
  encodeStored,
  parseStored,
  readStored,
} from '../../src/storage/stored-json.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const VALUE = { name: 'ü', list: [1, { two: null }], nested: { seed: 42 } };

test('stored JSON is read as it was written, whatever its white space', () => {
  const bytes = encodeStored(VALUE);
  const compact = Buffer.from(JSON.stringify(JSON.parse(bytes.toString())));
  for (const text of [bytes, compact]) {
    expect(decodeStored(text, 'a.json')).toEqual(VALUE);
    expect(decodeStoredOrOlder(text, 'a.json')).toEqual(VALUE);
  }
});

test('JSON is stored as people read it, with a checksum of its fields', () => {
  const sha256 = sha256Of(Buffer.from('{"a":1,"b":"ü"}'));
  expect(encodeStored({ a: 1, b: 'ü' }).toString()).toBe(
    `{\n  "a": 1,\n  "b": "ü",\n  "sha256": "${sha256}"\n}\n`,
  );
});

test.each([
  ['', 'it is empty'],
  ['{', 'JSON'],
  ['null', 'it is not a JSON object'],
  ['5', 'it is not a JSON object'],
  ['{}', 'its checksum does not match'],
])('%j is refused: %s', (text, problem) => {
  expect(() => decodeStored(Buffer.from(text), 'a.json')).toThrow(
    expect.objectContaining({
      code: 'RUN_CORRUPT',
      message: expect.stringMatching(new RegExp(`^a\\.json cannot be read: .*${problem}`, 'u')),
    }),
  );
});

test('why text is no JSON is told', () => {
  expect(() => decodeStored(Buffer.from('{'), 'a.json')).toThrow(
    expect.objectContaining({ cause: expect.any(SyntaxError) }),
  );
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

test.each([null, 5, 'text', [1]])('%j of an older version is read, too', (value) => {
  expect(decodeStoredOrOlder(Buffer.from(JSON.stringify(value)), 'a.json')).toEqual(value);
});

test('what a store does not have whole is as absent, but a failing store fails', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.write('whole', encodeStored(VALUE));
  await store.write('torn', encodeStored(VALUE).subarray(0, 20));
  expect(await readStored(store, 'whole')).toEqual(VALUE);
  expect(await readStored(store, 'torn')).toBeUndefined();
  expect(await readStored(store, 'absent')).toBeUndefined();
  const denied = withFaults(store, { read: () => Promise.reject(new Error('denied')) });
  await expect(readStored(denied, 'whole')).rejects.toThrow('denied');
});

test('fields are checked, and have their defaults', () => {
  const schema = z.object({ name: z.string(), nested: z.object({ seed: z.number().default(7) }) });
  expect(parseStored(schema, { name: 'a', nested: {} }, 'a.json')).toEqual({
    name: 'a',
    nested: { seed: 7 },
  });
  expect(() => parseStored(schema, { name: 'a', nested: { seed: 'x' } }, 'a.json')).toThrow(
    expect.objectContaining({
      code: 'RUN_CORRUPT',
      message: expect.stringMatching(/^a\.json cannot be read: nested\.seed: .*number/u),
      cause: expect.any(z.ZodError),
    }),
  );
});
