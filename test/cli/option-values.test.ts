import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  anyNumber,
  byteSize,
  duration,
  errorLimit,
  nameList,
  wholeNumber,
} from '../../src/cli/option-values.ts';

describe('an argument', () => {
  test.each<[string, (text: string) => unknown, string, unknown]>([
    ['a whole number at its bound', wholeNumber(1), '1', 1],
    ['zero where it may be', wholeNumber(0), '0', 0],
    ['a number with a fraction', anyNumber, '-0.5', -0.5],
    ['seconds', duration, '90s', 90_000],
    ['minutes', duration, '30m', 1_800_000],
    ['hours in capitals', duration, '12H', 43_200_000],
    ['half a day', duration, '0.5d', 43_200_000],
    ['weeks', duration, ' 2w ', 1_209_600_000],
    ['no time', duration, '0s', 0],
    ['bytes', byteSize, '7', 7],
    ['megabytes', byteSize, '64MB', 67_108_864],
    ['gibibytes, which are the same', byteSize, '1GiB', 1_073_741_824],
    ['kilobytes with a fraction', byteSize, '1.5 k', 1536],
    ['a count of errors', errorLimit, '0', 0],
    ['a share of errors', errorLimit, '2.5%', '2.5%'],
    ['names', nameList, ' a, b,,c ', ['a', 'b', 'c']],
  ])('is read: %s', (_, parse, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  test.each<[string, (text: string) => unknown, string, RegExp]>([
    ['below its bound', wholeNumber(1), '0', /whole number of at least 1/u],
    ['a fraction of a whole number', wholeNumber(0), '1.5', /whole number/u],
    ['negative', wholeNumber(0), '-1', /whole number/u],
    ['beyond what numbers hold', wholeNumber(0), '9007199254740993', /whole number/u],
    ['in another notation', wholeNumber(0), '1e3', /whole number/u],
    ['empty', anyNumber, ' ', /expected a number/u],
    ['endless', anyNumber, 'Infinity', /expected a number/u],
    ['a duration without unit', duration, '7', /12h or 7d/u],
    ['a duration of months', duration, '1mo', /12h or 7d/u],
    ['a negative duration', duration, '-1d', /12h or 7d/u],
    ['a size of nothing', byteSize, '0MB', /64MB or 1GB/u],
    ['a size in terabytes', byteSize, '1TB', /64MB or 1GB/u],
    ['a limit in words', errorLimit, 'few', /percentage such as 1%/u],
    ['a share above the whole', errorLimit, '101%', /percentage such as 1%/u],
  ])('is refused: %s', (_, parse, text, reason) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
    expect(() => parse(text)).toThrow(reason);
  });
});
