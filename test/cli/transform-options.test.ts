import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { addTransformOptions } from '../../src/cli/transform-options.ts';
import { TRANSFORM_FIELDS } from '../../src/image/transform.ts';

function parse(...args: readonly string[]): Record<string, unknown> {
  const command = new Command('run').exitOverride().configureOutput({ writeErr: () => undefined });
  addTransformOptions(command);
  return command.parse(args, { from: 'user' }).opts();
}

test('each field of a transform is an option with its default in the help text', () => {
  const command = new Command('run');
  addTransformOptions(command);
  expect(command.options.map((option) => option.attributeName())).toEqual(Object.keys(TRANSFORM_FIELDS));
  const shown = Object.fromEntries(
    command.options.map((option) => [
      option.attributeName(),
      /\(default: (.+)\)$/u.exec(option.description)?.[1],
    ]),
  );
  expect(shown).toMatchObject({ crop: '0.2', size: '256', format: 'jpeg', aspectScale: 'off' });
  expect(Object.values(shown)).not.toContain(undefined);
});

test('what is not given is not there, so a specification file keeps its own', () => {
  expect(parse()).toEqual({});
});

describe('an option', () => {
  test.each<[string, string, string, unknown]>([
    ['a square size', '--size', '64', 64],
    ['a size of width and height, which the schema takes apart', '--size', '224x320', '224x320'],
    ['a number', '--crop', '0.25', 0.25],
    ['a whole number', '--quality', '80', 80],
    ['a choice', '--format', 'webp', 'webp'],
    ['a colour, which the schema checks', '--background', '#FFF', '#FFF'],
  ])('is read: %s', (_, flag, text, value) => {
    expect(Object.values(parse(flag, text))).toEqual([value]);
  });

  test.each([
    ['a size that is no number', '--size', 'large'],
    ['a size with a sign', '--size', '-5x5'],
    ['a number in words', '--crop', 'much'],
    ['half a quality', '--quality', '80.5'],
    ['an unknown choice', '--format', 'gif'],
  ])('is refused: %s', (_, flag, text) => {
    expect(() => parse(flag, text)).toThrow(CommanderError);
  });

  const range = Object.entries(TRANSFORM_FIELDS).find(([, field]) => field.kind === 'range')?.[0] ?? '';
  const flag = `--${range.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}`;

  test('takes a range as two numbers', () => {
    expect(parse(flag, '0.08,1')).toEqual({ [range]: [0.08, 1] });
    for (const text of ['0.08', '0.08,x', '1,2,3']) expect(() => parse(flag, text)).toThrow(CommanderError);
  });
});
