import { deltaTypeOf } from '../duckdb/column-type.ts';
import type { ResultColumn } from '../duckdb/result-stream.ts';
import { PixlakeError } from '../errors.ts';
import { quoteName } from '../sql/sql-text.ts';
import type { Run } from './run-spec.ts';

/** Columns of a plan that hold the box to cut out, where the run's SQL gives it: left, top, width and height. */
const BOX_COLUMNS = ['__box_left', '__box_top', '__box_width', '__box_height'] as const;

/** Names of the plan's columns for the box; none where the run has no crop columns. */
export function boxColumns({ cropColumns }: Run): readonly string[] {
  return cropColumns === undefined ? [] : BOX_COLUMNS;
}

/** The box of each row of the SQL, as columns of the plan. */
export function selectBox({ cropColumns }: Run): string[] {
  return (cropColumns ?? []).map((name, index) => `${quoteName(name)}::DOUBLE AS ${BOX_COLUMNS[index]}`);
}

/** The box of each row of the plan, as one value: a struct, or null. */
export function readBox({ cropColumns }: Run): string {
  const [left, top, width, height] = BOX_COLUMNS;
  return cropColumns === undefined
    ? 'NULL'
    : `struct_pack("left" := ${left}, top := ${top}, width := ${width}, height := ${height})`;
}

const NUMBER = /^(?:byte|short|integer|long|float|double|decimal\(.*\))$/u;

/** Checks that the crop columns hold numbers. @throws `PLAN_CROP_INVALID` */
export function checkCropTypes(run: Run, columns: readonly ResultColumn[]): void {
  for (const { name, type } of columns) {
    if (run.cropColumns?.includes(name) !== true) continue;
    const deltaType = deltaTypeOf(type);
    if (typeof deltaType === 'string' && NUMBER.test(deltaType)) continue;
    throw new PixlakeError(
      'PLAN_CROP_INVALID',
      `the crop column ${name} has the type ${type.toString()}, not a number`,
      { remedy: `cast it in the SQL, such as ${name}::DOUBLE` },
    );
  }
}
