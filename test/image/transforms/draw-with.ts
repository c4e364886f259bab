import type { Random, Size } from '../../../src/image/transforms/define-transform.ts';

/** A transform as far as it draws. */
interface Drawing<Spec, Drawn extends object> {
  readonly undrawn: Drawn;
  draw?(spec: Spec, random: Random, drawn: Drawn, size: Size): void;
}

/** What a transform draws of numbers by the names of parameters; asking for another one is an error. */
export function drawWith<Spec, Drawn extends object>(
  definition: Drawing<Spec, Drawn>,
  spec: Spec,
  numbers: Readonly<Record<string, number>>,
  size: Size = { width: 60, height: 80 },
): Drawn {
  const drawn = { ...definition.undrawn };
  const random: Random = (parameter) => {
    const number = numbers[parameter];
    if (number === undefined) throw new Error(`${parameter} is drawn, but is not needed`);
    return number;
  };
  definition.draw?.(spec, random, drawn, size);
  return drawn;
}

/** The names, types and values of a transform's columns. */
export function columnsOf<Drawn>(
  definition: {
    readonly columns?: readonly {
      readonly name: string;
      readonly type: string;
      valueOf(drawn: Drawn): number | boolean;
    }[];
  },
  drawn: Drawn,
): unknown[] {
  return (definition.columns ?? []).map((column) => [column.name, column.type, column.valueOf(drawn)]);
}
