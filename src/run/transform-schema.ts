import { z } from 'zod';
import { type Transform, TRANSFORM_FIELDS } from '../image/transform.ts';
import type { Field } from '../image/transforms/define-transform.ts';

/** Schemas of single fields of a transform, by name, without their defaults. */
export const transformFieldSchemas = Object.fromEntries(
  Object.entries(TRANSFORM_FIELDS).map(([name, field]) => [name, schemaOf(field).describe(field.summary)]),
) as unknown as { readonly [Name in keyof Transform]: z.ZodType<Transform[Name], Transform[Name]> };

/** Schema of a transform, made of the list of all transforms. */
export const transformSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(TRANSFORM_FIELDS).map(([name, field]) => [
      name,
      (transformFieldSchemas[name as keyof Transform] as z.ZodType).default(field.default),
    ]),
  ) as unknown as { [Name in keyof Transform]: z.ZodDefault<z.ZodType<Transform[Name], Transform[Name]>> },
);

function schemaOf(field: Field): z.ZodType {
  switch (field.kind) {
    case 'number':
      return (field.isWhole === true ? z.int() : z.number()).min(field.min).max(field.max);
    case 'choice':
      return z.enum(field.choices as [string, ...string[]]);
    case 'colour':
      return z
        .string()
        .regex(/^#[0-9a-f]{6}$/iu, 'must be a colour such as #ffffff')
        .toLowerCase();
    case 'size':
      return z.union([z.int().min(1).max(field.max), sizeText(field.max)]);
    case 'range':
      return rangeSchema(field.min, field.max).nullable();
    default:
      return field satisfies never;
  }
}

/** `<width>x<height>`; a square is given as a number. */
function sizeText(max: number): z.ZodType {
  const isSide = (side: string | undefined): boolean => Number(side) >= 1 && Number(side) <= max;
  return z
    .string()
    .regex(/^[1-9]\d*x[1-9]\d*$/u, 'must be a number of pixels, or width x height such as 224x320')
    .refine((size) => size.split('x').every(isSide), `sides have 1 to ${max} pixels`)
    .transform((size) => {
      const [width, height] = size.split('x');
      return width === height ? Number(width) : size;
    });
}

function rangeSchema(min: number, max: number): z.ZodType {
  const bound = z.number().min(min).max(max);
  return z.tuple([bound, bound]).refine(([low, high]) => low <= high, 'the smaller number comes first');
}
