import { PixlakeError } from '../errors.ts';
import {
  checkColumnNames,
  type DatasetColumn,
  type DatasetSchema,
  readDatasetSchema,
} from './dataset-schema.ts';
import { FASHION_SCHEMA } from './fashion-schema.ts';
import { fitFields, toText } from './parse-row.ts';
import { readCsv } from './read-csv.ts';

/** Options for choosing or inferring a schema. */
export interface SchemaChoice {
  /** Name of an inferred schema. */
  readonly name: string;
  /** `fashion`, `infer` or the path of a schema file. */
  readonly schema?: string;
  readonly idColumn?: string;
  readonly imageColumn?: string;
  /** Types of the columns that the table already has, by name. Inferred columns take them if all values fit. */
  readonly tableTypes?: ReadonlyMap<string, DatasetColumn['type']>;
}

/**
 * Chooses the schema of a CSV file: the requested one; `fashion` if the header has exactly its columns; else one inferred from all values.
 *
 * @throws `SPEC_INVALID`, `CSV_…`
 */
export async function chooseSchema(csvPath: string, choice: SchemaChoice): Promise<DatasetSchema> {
  const { schema } = choice;
  const isPlain = choice.idColumn === undefined && choice.imageColumn === undefined;
  if (schema !== undefined && schema !== 'infer') {
    if (isPlain) return schema === 'fashion' ? FASHION_SCHEMA : readDatasetSchema(schema);
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `schema ${schema} already names the columns of ids and images`,
      {
        remedy: 'omit --id-column and --image-column, or omit --schema',
      },
    );
  }
  if (schema === undefined && isPlain) {
    const { header } = await readCsv(csvPath);
    const names = FASHION_SCHEMA.columns.map(({ name }) => name);
    if (header.length === names.length && names.every((name) => header.includes(name))) return FASHION_SCHEMA;
  }
  return inferSchema(csvPath, choice);
}

/** Types from the narrowest to the widest. A column takes the first one that fits all of its values. */
const CANDIDATES: readonly {
  readonly type: DatasetColumn['type'];
  readonly fits: (text: string) => boolean;
}[] = [
  // A number would lose leading zeros and signs, so codes such as 007 stay text.
  {
    type: 'BIGINT',
    fits: (text) => /^(?:0|-?[1-9]\d{0,18})$/u.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text),
  },
  { type: 'DOUBLE', fits: isDouble },
  { type: 'BOOLEAN', fits: (text) => /^(?:true|false)$/iu.test(text) },
  { type: 'VARCHAR', fits: () => true },
];

/** Whole numbers that a double would round are codes and not measurements. */
function isDouble(text: string): boolean {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/iu.test(text)) return false;
  const value = Number(text);
  return Number.isFinite(value) && (/[.e]/iu.test(text) || Number.isSafeInteger(value));
}

/**
 * Infers a schema by reading all rows once, so no well-formed row is rejected for the type of a value. Rows with extra commas
 * do not count for the type of the last column: if the other rows make it text, they are repaired, otherwise rejected.
 *
 * @throws `CSV_…`
 */
export async function inferSchema(csvPath: string, choice: SchemaChoice): Promise<DatasetSchema> {
  const csv = await readCsv(csvPath);
  const { header } = csv;
  checkColumnNames(header, csvPath);
  const idColumn = findColumn(header, choice.idColumn ?? 'id', '--id-column', csvPath);
  const imageColumn =
    choice.imageColumn === undefined
      ? undefined
      : findColumn(header, choice.imageColumn, '--image-column', csvPath);
  const fitting = header.map(() => new Set(CANDIDATES));
  const hasValues = header.map(() => false);
  for await (const record of csv.records()) {
    const fitted = fitFields(record, header.length, true);
    if ('reason' in fitted) continue;
    for (const [index, field] of fitted.fields.entries()) {
      const text = toText(field);
      if (text === null || (fitted.isRepaired && index === header.length - 1)) continue;
      hasValues[index] = true;
      for (const candidate of fitting[index] ?? [])
        if (!candidate.fits(text)) fitting[index]?.delete(candidate);
    }
  }
  const columns = header.map((name, index): DatasetColumn => {
    const fits = Array.from(fitting[index] ?? [], (candidate) => candidate.type);
    const tableType = choice.tableTypes?.get(name);
    if (tableType !== undefined && (!hasValues[index] || fits.includes(asCandidate(tableType))))
      return { name, type: tableType };
    const type = hasValues[index] ? (fits[0] ?? 'VARCHAR') : 'VARCHAR';
    // Ids and image paths name files, so both stay text unless they are whole numbers.
    const isName = name === idColumn || name === imageColumn;
    return { name, type: isName && type !== 'BIGINT' ? 'VARCHAR' : type };
  });
  return {
    name: choice.name,
    idColumn,
    ...(imageColumn === undefined ? {} : { imageColumn }),
    columns,
    partitionBy: [],
    sortBy: [idColumn],
  };
}

/** Integers are inferred as BIGINT. In an INTEGER column, rows with larger values are rejected. */
function asCandidate(type: DatasetColumn['type']): DatasetColumn['type'] {
  return type === 'INTEGER' ? 'BIGINT' : type;
}

function findColumn(header: readonly string[], wanted: string, option: string, csvPath: string): string {
  const found =
    header.find((name) => name === wanted) ??
    header.find((name) => name.toLowerCase() === wanted.toLowerCase());
  if (found !== undefined) return found;
  throw new PixlakeError(
    'CSV_HEADER_INVALID',
    `${csvPath} has no column ${wanted}, only: ${header.join(', ')}`,
    {
      remedy: `choose one of them with ${option}`,
    },
  );
}
