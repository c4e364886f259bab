import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitRecord } from '../../src/ingest/split-record.ts';

const quoted = (field: string): string =>
  /[",\n\r]/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

test.each<[string, string[], number[]]>([
  ['', [''], [0]],
  ['a,b', ['a', 'b'], [0, 2]],
  ['a,,', ['a', '', ''], [0, 2, 3]],
  ['"a",b', ['a', 'b'], [0, 4]],
  ['a,"b,c"', ['a', 'b,c'], [0, 2]],
  ['"",""', ['', ''], [0, 3]],
  ['"a""b","""",x', ['a"b', '"', 'x'], [0, 7, 12]],
  ['3.5" heel,b', ['3.5" heel', 'b'], [0, 10]],
  ['"3.5" heel,b', ['"3.5" heel', 'b'], [0, 11]],
  ['a,b "c"', ['a', 'b "c"'], [0, 2]],
  ['"a",', ['a', ''], [0, 4]],
])('%s is split into %j, which begin at %j', (text, fields, starts) => {
  expect(splitRecord(text)).toEqual({ fields, starts, isOpen: false });
});

test.each<[string, string[], number[]]>([
  ['"', ['"'], [0]],
  ['a,"b', ['a', '"b'], [0, 2]],
  ['"a","b,c', ['a', '"b,c'], [0, 4]],
  ['x,"b""', ['x', '"b""'], [0, 2]],
])('%s goes on in the next line', (text, fields, starts) => {
  expect(splitRecord(text)).toEqual({ fields, starts, isOpen: true });
});

test('a record that goes on is not read again from its beginning', () => {
  const split = { fields: ['other', '"b'], starts: [0, 2], isOpen: true };
  expect(splitRecord('a,"b\nc",d', { split, length: 4 })).toEqual({
    fields: ['other', 'b\nc', 'd'],
    starts: [0, 2, 8],
    isOpen: false,
  });
  // Nor are quotes looked for in what was read before.
  expect(splitRecord('a,"b"\n,d', { split, length: 5 })).toMatchObject({ isOpen: true });
});

test('property: fields written by RFC 4180 come back', () => {
  const field = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', 'ü', '\n', '0'), maxLength: 8 });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), (fields) => {
      const split = splitRecord(fields.map(quoted).join(','));
      expect(split.isOpen).toBe(false);
      expect(split.fields).toEqual(fields);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test('property: fields start where they are written', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', ' '), maxLength: 20 }), (text) => {
      const { starts, fields, isOpen } = splitRecord(text);
      expect(starts).toHaveLength(fields.length);
      for (const [index, start] of starts.entries()) {
        expect(index === 0 ? start : text[start - 1]).toBe(index === 0 ? 0 : ',');
      }
      if (!isOpen && !text.includes('"')) expect(fields).toEqual(text.split(','));
    }),
    { seed: 2, numRuns: 1000 },
  );
});

test('property: an open record that is gone on with equals one that is split at once', () => {
  const part = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n'), maxLength: 8 });
  fc.assert(
    fc.property(part, part, (head, tail) => {
      const first = splitRecord(head);
      fc.pre(first.isOpen);
      // The quote that ends the first part might have gone on as a doubled one: lines are joined by a line end.
      const whole = `${head}\n${tail}`;
      expect(splitRecord(whole, { split: first, length: head.length })).toEqual(splitRecord(whole));
    }),
    { seed: 3, numRuns: 1500 },
  );
});
