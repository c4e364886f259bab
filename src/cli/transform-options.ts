import { type Command, InvalidArgumentError, Option } from 'commander';
import { TRANSFORM_FIELDS } from '../image/transform.ts';
import type { Field } from '../image/transforms/define-transform.ts';
import { parseField } from '../image/transforms/parse-field.ts';
import { anyNumber, wholeNumber } from './option-values.ts';

/** Adds an option for each field of a transform. */
export function addTransformOptions(command: Command): void {
  for (const [name, field] of Object.entries(TRANSFORM_FIELDS) as [string, Field][])
    command.addOption(toOption(name, field));
}

function toOption(name: string, field: Field): Option {
  const flag = `--${name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)} <${field.placeholder}>`;
  const shown = field.default === null ? 'off' : field.default;
  const option = new Option(flag, `${field.summary} (default: ${shown})`);
  switch (field.kind) {
    case 'number':
      return option.argParser(field.isWhole === true ? wholeNumber(field.min) : anyNumber);
    case 'choice':
      return option.choices(field.choices);
    case 'size':
      return option.argParser((text) => {
        if (/^\d+(?:x\d+)?$/u.test(text)) return parseField(field, text);
        throw new InvalidArgumentError('expected a number of pixels, or width x height such as 224x320.');
      });
    case 'range':
      return option.argParser((text) => {
        const numbers = parseField(field, text) as number[];
        if (numbers.length === 2 && numbers.every(Number.isFinite)) return numbers;
        throw new InvalidArgumentError('expected two numbers such as 0.08,1.');
      });
    case 'colour':
      return option;
    default:
      return field satisfies never;
  }
}
