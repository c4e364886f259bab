import { expect, test } from 'vitest';
import { quoteName, quoteText } from '../../src/sql/sql-text.ts';

test('quotes within a name or a text are doubled', () => {
  expect(quoteName('a "b" c')).toBe('"a ""b"" c"');
  expect(quoteText("it's 'x'")).toBe("'it''s ''x'''");
  expect([quoteName("it's"), quoteText('"x"')]).toEqual([`"it's"`, `'"x"'`]);
});
