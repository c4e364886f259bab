import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokenize } from '../../src/sql/sql-tokens.ts';

const cut = (sql: string): string[] => [...tokenize(sql)].map(({ kind, text }) => `${kind} ${text}`);

test.each<[string, string[]]>([
  ['', []],
  [' \n\t ', ['blank  \n\t ']],
  ['a1_b Größe', ['word a1_b', 'blank  ', 'word Größe']],
  ['1.5', ['word 1', 'other .', 'word 5']],
  ['a;;', ['word a', 'semicolon ;', 'semicolon ;']],
  ['a-b', ['word a', 'other -', 'word b']],
  ['a-- b;\nc', ['word a', 'blank -- b;', 'blank \n', 'word c']],
  ['-- b\rc', ['blank -- b', 'blank \r', 'word c']],
  ['a/b', ['word a', 'other /', 'word b']],
  ['a*/b', ['word a', 'other *', 'other /', 'word b']],
  ['/* a; */b', ['blank /* a; */', 'word b']],
  ['/* a /* b */ c */d', ['blank /* a /* b */ c */', 'word d']],
  ['/* a /* b */ c', ['blank /* a /* b */ c']],
  ['x /**/ /**/', ['word x', 'blank  ', 'blank /**/', 'blank  ', 'blank /**/']],
  ["'a; -- b'c", ["other 'a; -- b'", 'word c']],
  ["'it''s'", ["other 'it'", "other 's'"]],
  ["''", ["other ''"]],
  ["'open", ["other '", 'word open']],
  [String.raw`'a\' b`, [String.raw`other 'a\'`, 'blank  ', 'word b']],
  [String.raw`e'a\' b'c`, [String.raw`other e'a\' b'`, 'word c']],
  [String.raw`E'a\\'b`, [String.raw`other E'a\\'`, 'word b']],
  ["e''b", ["other e''", 'word b']],
  ["e'a\\\nb'c", ["other e'a\\\nb'", 'word c']],
  ['"a ""b"" c"d', ['name "a ""b"" c"', 'word d']],
  ['""', ['name ""']],
  ['"open', ['other "', 'word open']],
  ['$$a; $x$$b', ['other $$a; $x$$', 'word b']],
  ['$$$$b', ['other $$$$', 'word b']],
  ['$$a$$ b$$', ['other $$a$$', 'blank  ', 'word b', 'other $', 'other $']],
  ['$t1$a\n$$ b$t1$c', ['other $t1$a\n$$ b$t1$', 'word c']],
  ['$_é$a$_é$', ['other $_é$a$_é$']],
  ['$1$a$1$', ['other $', 'word 1', 'other $', 'word a', 'other $', 'word 1', 'other $']],
  ['$a$ b', ['other $', 'word a', 'other $', 'blank  ', 'word b']],
  ['$year + 1', ['other $', 'word year', 'blank  ', 'other +', 'blank  ', 'word 1']],
  ['t@v1', ['word t', 'other @', 'word v1']],
  ['😀x', ['other 😀', 'word x']],
])('%j is cut into its tokens', (sql, tokens) => {
  expect(cut(sql)).toEqual(tokens);
});

test('property: tokens joined give the text again, each from its place', () => {
  const piece = fc.constantFrom(
    'a',
    '1',
    ' ',
    '\n',
    ';',
    "'",
    '"',
    '$',
    '$$',
    '$a$',
    '--',
    '/*',
    '*/',
    '\\',
    '@',
    '.',
    'é',
    '😀',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const sql = pieces.join('');
      const tokens = [...tokenize(sql)];
      expect(tokens.map(({ text }) => text).join('')).toBe(sql);
      const ends = tokens.map(({ start, text }) => start + text.length);
      expect(tokens.map(({ start }) => start)).toEqual([0, ...ends].slice(0, tokens.length));
    }),
    { seed: 5, numRuns: 200 },
  );
});
