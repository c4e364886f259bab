import * as fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import {
  fillSavedQuery,
  listSavedQueries,
  parseSavedQuery,
  readSavedQuery,
} from '../../src/sql/saved-query.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const TEXT = `-- Shoes by colour
-- $colour TEXT = Black: which colour
-- $years INTEGER = 3: so many years
-- $run TABLE = runs.my shoes: the run
SELECT '$colour' AS literal, $colour AS colour, $$ $years $$ AS quoted -- $unknown in a comment
FROM $run WHERE year > -$years;
`;

describe('a saved query', () => {
  test('has a title, parameters and SQL', () => {
    const saved = parseSavedQuery('shoes', TEXT.replaceAll('\n', '\r\n'));
    expect(saved).toMatchObject({ name: 'shoes', title: 'Shoes by colour' });
    expect(saved.parameters).toEqual([
      { name: 'colour', type: 'TEXT', default: 'Black', description: 'which colour' },
      { name: 'years', type: 'INTEGER', default: '3', description: 'so many years' },
      { name: 'run', type: 'TABLE', default: 'runs.my shoes', description: 'the run' },
    ]);
    expect(saved.sql.split('\n')).toEqual([
      "SELECT '$colour' AS literal, $colour AS colour, $$ $years $$ AS quoted -- $unknown in a comment",
      'FROM $run WHERE year > -$years;',
    ]);
  });

  test('is filled in where SQL reads a parameter, not within texts and comments', () => {
    const sql = fillSavedQuery(parseSavedQuery('shoes', TEXT), { colour: "it's", years: '-12' });
    expect(sql).toBe(
      `SELECT '$colour' AS literal, 'it''s' AS colour, $$ $years $$ AS quoted -- $unknown in a comment\nFROM runs."my shoes" WHERE year > - -12;`,
    );
  });

  test('property: a text arrives as it is, whatever it holds', async () => {
    using db = await openDuckDb({ scratchDir: await makeTestFolder() });
    const saved = parseSavedQuery('echo', '-- Echo\n-- $text TEXT = x: any\nSELECT $text AS text, 1 AS one');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        fc.pre(!text.includes('\0'));
        expect(await db.rows(fillSavedQuery(saved, { text }))).toEqual([{ text, one: 1 }]);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test.each([
    ['INTEGER', '1; DROP TABLE x'],
    ['INTEGER', '1.5'],
    ['INTEGER', ''],
    ['INTEGER', '+1'],
    ['INTEGER', 'a1'],
    ['INTEGER', '1'.repeat(19)],
    ['DOUBLE', ' '],
    ['DOUBLE', 'NaN'],
    ['DOUBLE', 'Infinity'],
    ['DOUBLE', '1 OR true'],
    ['BOOLEAN', 'yes'],
    ['TEXT', 'a\0b'],
  ])('%s cannot be %j', (type, value) => {
    const saved = parseSavedQuery('bad', `-- Bad\n-- $x ${type} = 1: a value\nSELECT $x`);
    expect(() => fillSavedQuery(saved, { x: value })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID', remedy: `its type is ${type}: a value` }),
    );
  });

  test.each([
    ['INTEGER', '7', '7'],
    ['INTEGER', '9'.repeat(18), '9'.repeat(18)],
    ['INTEGER', '-7', ' -7'],
    ['DOUBLE', '-.50', ' -0.5 '],
    ['BOOLEAN', 'false', 'false'],
    ['TEXT', '', "''"],
    ['TEXT', '-x', "'-x'"],
    ['TABLE', 'runs.a b', 'runs."a b"'],
  ])('%s writes %s as %j', (type, value, literal) => {
    const saved = parseSavedQuery('good', `-- Good\n-- $x ${type} = 1: a\nSELECT ($x), $ x, $"x", ¢x`);
    expect(fillSavedQuery(saved, { x: value })).toBe(`SELECT (${literal}), $ x, $"x", ¢x`);
  });

  test.each([
    ['INTEGER', '-7', -7],
    ['DOUBLE', '-0.5', -0.5],
    ['DOUBLE', '1e3', 1000],
    ['BOOLEAN', 'true', true],
  ])('%s takes %s', async (type, value, expected) => {
    using db = await openDuckDb({ scratchDir: await makeTestFolder() });
    const saved = parseSavedQuery(
      'good',
      `-- Good\n-- $x ${type} = 1: a value\nSELECT ($x) = ${expected} AS same`,
    );
    expect(await db.rows(fillSavedQuery(saved, { x: value }))).toEqual([{ same: true }]);
  });

  test.each([
    ['nothing at all', ''],
    ['no title', 'SELECT 1'],
    ['a title behind SQL', 'SELECT 1 -- Title'],
    ['an empty title', '-- \nSELECT 1'],
    ['a parameter for a title', '-- $x INTEGER = 1: a value\nSELECT 1'],
    ['no type', '-- Title\n-- $x = 1: a value\nSELECT 1'],
    ['an unknown type', '-- Title\n-- $x DATE = 1: a value\nSELECT 1'],
    ['no description', '-- Title\n-- $x TEXT = 1\nSELECT 1'],
    ['an empty description', '-- Title\n-- $x TEXT = 1: \nSELECT 1'],
    ['a number for a name', '-- Title\n-- $1 TEXT = 1: a value\nSELECT 1'],
  ])('with %s is refused', (_what, text) => {
    expect(() => parseSavedQuery('bad', text)).toThrow(
      expect.objectContaining({ code: 'SAVED_QUERY_INVALID' }),
    );
  });

  test('that names what it does not declare is refused, and so are values that it does not take', () => {
    const plain = parseSavedQuery('plain', '-- T\nSELECT $x');
    expect(() => fillSavedQuery(plain)).toThrow(expect.objectContaining({ code: 'SAVED_QUERY_INVALID' }));
    expect(() => fillSavedQuery(plain, { x: '1' })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID', remedy: 'it has no parameters' }),
    );
    expect(() => fillSavedQuery(parseSavedQuery('shoes', TEXT), { run: 'r', x: '1' })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID', remedy: 'it has: colour, years, run' }),
    );
  });

  test('that comes with pixlake goes by its name, and by no path', async () => {
    const all = await listSavedQueries();
    const names = all.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(names).toEqual(names.toSorted());
    expect(await readSavedQuery('label-balance')).toEqual(all[names.indexOf('label-balance')]);
    for (const name of ['../sql/label-balance', './label-balance', 'label-balance?'])
      await expect(readSavedQuery(name)).rejects.toMatchObject({ code: 'SAVED_QUERY_NOT_FOUND' });
  });

  test('of one’s own goes by the path of its file', async () => {
    const path = join(await makeTestFolder(), 'mine.sql');
    await writeFile(path, TEXT);
    expect(await readSavedQuery(path)).toMatchObject({ name: 'mine', title: 'Shoes by colour' });
    await writeFile(path, 'SELECT 1');
    await expect(readSavedQuery(path)).rejects.toMatchObject({ code: 'SAVED_QUERY_INVALID' });
    await expect(readSavedQuery(`${path}.sql`)).rejects.toMatchObject({ code: 'SAVED_QUERY_NOT_FOUND' });
  });
});
