import { expect, test } from 'vitest';
import type { Field } from '../../../src/image/transforms/define-transform.ts';
import { parseField } from '../../../src/image/transforms/parse-field.ts';

const said = { summary: 'a field', placeholder: 'value' };
const NUMBER: Field = { ...said, kind: 'number', min: 0, max: 1, default: 0 };
const SIZE: Field = { ...said, kind: 'size', max: 100, default: 10 };
const RANGE: Field = { ...said, kind: 'range', min: 0, max: 1, default: null };
const COLOUR: Field = { ...said, kind: 'colour', default: '#ffffff' };
const CHOICE: Field = { ...said, kind: 'choice', choices: ['1', 'b'], default: 'b' };

test.each<[string, Field, string, unknown]>([
  ['a number', NUMBER, '0.5', 0.5],
  ['nothing for a number', NUMBER, '', Number.NaN],
  ['spaces for a number', NUMBER, '  ', Number.NaN],
  ['a word for a number', NUMBER, 'much', Number.NaN],
  ['the side of a square', SIZE, '64', 64],
  ['width and height', SIZE, '64x48', '64x48'],
  ['a negative side', SIZE, '-64', '-64'],
  ['a side with more behind it', SIZE, '64px', '64px'],
  ['a range', RANGE, '0.08,1', [0.08, 1]],
  ['half of a range', RANGE, '0.08,', [0.08, Number.NaN]],
  ['a colour', COLOUR, '#000000', '#000000'],
  ['a choice that is a number', CHOICE, '1', '1'],
])('%s is read', (_, field, text, value) => {
  expect(parseField(field, text)).toEqual(value);
});
