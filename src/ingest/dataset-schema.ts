import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';

/** The types that a column of a dataset may have. */
export const DATASET_TYPES = ['BIGINT', 'INTEGER', 'DOUBLE', 'BOOLEAN', 'VARCHAR'] as const;

const column = z.strictObject({
  name: z.string().min(1),
  type: z.enum(DATASET_TYPES),
  /** Rows with null are rejected. */
  required: z.boolean().optional(),
  /** Smallest and greatest accepted number. */
  min: z.number().optional(),
  max: z.number().optional(),
});

const datasetSchema = z.strictObject({
  name: z.string().min(1),
  /** Column that identifies a row. Its values are unique and name the originals. */
  idColumn: z.string().min(1),
  /** Column with the path of the image file. Without it the file is `<id>.<ending>`. */
  imageColumn: z.string().min(1).optional(),
  columns: z.array(column).min(1),
  partitionBy: z.array(z.string()).default([]),
  /** Columns by which rows are sorted in data files. Put the columns that queries filter by first, so row groups can be skipped. */
  sortBy: z.array(z.string()).default([]),
});

/** The schema of a dataset: its columns, and the layout of its table. */
export type DatasetSchema = Readonly<z.output<typeof datasetSchema>>;

/** One declared column. */
export type DatasetColumn = DatasetSchema['columns'][number];

/** Reads a dataset schema from a JSON file. @throws `SPEC_INVALID` naming file and field */
export async function readDatasetSchema(path: string): Promise<DatasetSchema> {
  try {
    return parseDatasetSchema(JSON.parse(await readFile(path, 'utf8')), path);
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('SPEC_INVALID', `cannot read dataset schema ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Checks a dataset schema. @throws `SPEC_INVALID` naming its source and what is wrong, `CSV_HEADER_INVALID` for reserved names */
export function parseDatasetSchema(json: unknown, source: string): DatasetSchema {
  const parsed = datasetSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'schema'}: ${issue.message}`,
    );
    throw new PixlakeError('SPEC_INVALID', `dataset schema ${source}: ${problems.join('; ')}`);
  }
  const schema = parsed.data;
  const names = schema.columns.map(({ name }) => name);
  checkColumnNames(names, source);
  const used = [
    schema.idColumn,
    schema.imageColumn ?? schema.idColumn,
    ...schema.partitionBy,
    ...schema.sortBy,
  ];
  const unknown = used.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new PixlakeError('SPEC_INVALID', `dataset schema ${source}: column ${unknown} does not exist`);
  }
  return schema;
}

/** Checks that column names are unique in SQL, which ignores case, and that pixlake does not add columns with these names. @throws `CSV_HEADER_INVALID` */
export function checkColumnNames(names: readonly string[], source: string): void {
  const refuse = (problem: string): never => {
    throw new PixlakeError('CSV_HEADER_INVALID', `${source}: ${problem}`, { remedy: 'rename the column' });
  };
  const seen = new Set<string>();
  const reserved = new Set<string>(IMAGE_COLUMNS.map(({ name }) => name));
  for (const [index, name] of names.entries()) {
    const folded = name.toLowerCase();
    if (name === '') refuse(`column ${index + 1} has no name`);
    if (seen.has(folded)) refuse(`two columns are named ${name} (SQL ignores case)`);
    if (reserved.has(folded))
      refuse(`the name of column ${name} is reserved, because pixlake adds such a column`);
    seen.add(folded);
  }
}
