import { aspect } from './transforms/aspect.ts';
import { blur } from './transforms/blur.ts';
import { brightness } from './transforms/brightness.ts';
import { contrast } from './transforms/contrast.ts';
import { crop } from './transforms/crop.ts';
import type {
  DrawnColumn,
  Field,
  Rows,
  Size,
  SpecOf,
  TransformDefinition,
} from './transforms/define-transform.ts';
import { encoding } from './transforms/encoding.ts';
import { flip } from './transforms/flip.ts';
import { grayscale } from './transforms/grayscale.ts';
import { resize } from './transforms/resize.ts';
import { rotate } from './transforms/rotate.ts';

/** All transforms, in the order in which they are applied. Specifications, draws, manifest columns, CLI, REST and reference follow from this list. */
export const TRANSFORMS = [
  crop,
  aspect,
  brightness,
  contrast,
  grayscale,
  rotate,
  resize,
  flip,
  blur,
  encoding,
] as const;

type Definition = (typeof TRANSFORMS)[number];
type FieldsOf<One> = One extends { readonly fields: infer Fields } ? Fields : never;
/** What a transform draws, if it draws anything. */
type DrawnOf<One> = One extends { readonly undrawn: infer Drawn }
  ? [keyof Drawn] extends [never]
    ? never
    : Drawn
  : never;
type AllOf<Union> = (Union extends unknown ? (part: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

/** The fields of all transforms by their names. */
export type TransformFields = AllOf<FieldsOf<Definition>>;

/** What is done to every image; the units are those of the fields. */
export type Transform = SpecOf<TransformFields>;

/** A transform with its random parameters drawn; the crop box is in pixels of the upright original. */
export type DrawnTransform = Readonly<AllOf<DrawnOf<Definition>>>;

/** A definition whose types were forgotten, for loops over all. */
type AnyDefinition = TransformDefinition<Readonly<Record<string, Field>>, DrawnTransform>;

/** The same list for loops over all transforms. */
export const ALL_TRANSFORMS = TRANSFORMS as unknown as readonly AnyDefinition[];

/** The fields of all transforms, in their order. */
export const TRANSFORM_FIELDS = Object.assign(
  {},
  ...ALL_TRANSFORMS.map(({ fields }) => fields),
) as TransformFields;

/** The manifest columns of all transforms, in their order. */
export const DRAWN_COLUMNS: readonly DrawnColumn<DrawnTransform>[] = ALL_TRANSFORMS.flatMap(
  ({ columns = [] }) => columns,
);

/** What every field holds where nothing is given. */
export const DEFAULT_TRANSFORM = Object.fromEntries(
  Object.entries(TRANSFORM_FIELDS).map(([name, field]) => [name, field.default]),
) as unknown as Transform;

const UNDRAWN = Object.assign({}, ...ALL_TRANSFORMS.map((transform) => transform.undrawn)) as DrawnTransform;

/** Drawn parameters that leave an image of some size as it is. */
export function undrawn({ width, height }: Size): DrawnTransform {
  return { ...UNDRAWN, cropWidth: width, cropHeight: height };
}

/** Whether colours are changed. */
export function changesColours(drawn: DrawnTransform): boolean {
  return COLOURS.some(({ colour }) => colour?.isActive(drawn));
}

/** Changes the colours of the box that is seen, one transform after another. */
export function applyColours(rows: Rows, drawn: DrawnTransform): void {
  for (const { colour } of COLOURS) if (colour?.isActive(drawn)) colour.apply(rows, drawn);
}

/** Whether the kernel does all that was drawn. */
export function isInKernel(drawn: DrawnTransform): boolean {
  return ALL_TRANSFORMS.every((definition) => definition.isInKernel?.(drawn) ?? true);
}

const COLOURS = ALL_TRANSFORMS.filter(({ colour }) => colour !== undefined);
