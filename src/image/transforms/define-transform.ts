/** What every field of a transform says of itself: CLI, REST and README show it. */
interface Described {
  /** One line, as in the help of a command. */
  readonly summary: string;
  /** Stands for the value in help, such as `share`. */
  readonly placeholder: string;
}

/** A number within bounds. */
export interface NumberField extends Described {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
  readonly default: number;
}

/** One of some words. */
export interface ChoiceField<Value extends string = string> extends Described {
  readonly kind: 'choice';
  readonly choices: readonly Value[];
  readonly default: Value;
}

/** A colour, `#rrggbb`. */
export interface ColourField extends Described {
  readonly kind: 'colour';
  readonly default: string;
}

/** A size in pixels: the side of a square, or `<width>x<height>`. */
export interface SizeField extends Described {
  readonly kind: 'size';
  readonly max: number;
  readonly default: number | string;
}

/** Two numbers within bounds, the smaller first; null where the transform is not used. */
export interface RangeField extends Described {
  readonly kind: 'range';
  readonly min: number;
  readonly max: number;
  readonly default: null;
}

/** A field of any kind. */
export type Field = NumberField | ChoiceField | ColourField | SizeField | RangeField;

/** What a field holds in a specification. */
type ValueOf<OneField> = OneField extends NumberField
  ? number
  : OneField extends ChoiceField<infer Value>
    ? Value
    : OneField extends ColourField
      ? string
      : OneField extends SizeField
        ? number | string
        : readonly [number, number] | null;

/** The part of a specification that some fields describe. */
export type SpecOf<Fields> = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> };

/** Gives a number in [0, 1) for the name of a parameter, the same for the same seed, image and copy. */
export type Random = (parameter: string) => number;

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The rows of the box that is seen of an image: RGB triples of 8 bits, changed in place. */
export type Rows = readonly Uint8Array[];

/** A column of the manifest that tells a drawn parameter. */
export interface DrawnColumn<Drawn> {
  readonly name: string;
  readonly type: 'INTEGER' | 'DOUBLE' | 'BOOLEAN';
  valueOf(drawn: Drawn): number | boolean;
}

/**
 * One transform: all that is to be known of it lies in its file, and `../transform.ts` lists them in the order in which they are applied.
 * Colours are changed in the box of the original that is seen; all geometry (box, rotation, size, flip) is one resampling; what comes after it
 * works on the pixels of the target.
 */
export interface TransformDefinition<Fields extends Readonly<Record<string, Field>>, Drawn extends object> {
  readonly name: string;
  readonly fields: Fields;
  /** Drawn parameters that change nothing. */
  readonly undrawn: Drawn;
  /** Writes the drawn parameters of one copy of an image of some size; they stay undrawn where the specification asks for nothing. */
  draw?(
    spec: SpecOf<Fields>,
    random: Random,
    drawn: { -readonly [Name in keyof Drawn]: Drawn[Name] },
    size: Size,
  ): void;
  readonly columns?: readonly DrawnColumn<Drawn>[];
  /** Changes colours, where the drawn parameters ask for that. */
  readonly colour?: {
    isActive(drawn: Drawn): boolean;
    apply(rows: Rows, drawn: Drawn): void;
  };
  /** Whether the kernel does what was drawn; it does where this is left out. */
  isInKernel?(drawn: Drawn): boolean;
}

/** Names a definition's types once. */
export function defineTransform<const Fields extends Readonly<Record<string, Field>>, Drawn extends object>(
  definition: TransformDefinition<Fields, Drawn>,
): TransformDefinition<Fields, Drawn> {
  return definition;
}
