import { z } from 'zod';
import { SANDBOX_FORMATS } from '../sandbox/query-sandbox.ts';

/** Media types of query results. */
export const MEDIA_TYPES: Readonly<Record<(typeof SANDBOX_FORMATS)[number], string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
};

const binary = z.string().describe('bytes');

/** A response of rows in any format, for the description of routes. */
interface RowsResponse {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** Describes a response of rows, such as those of the example. */
export function rowsResponse(example: readonly Readonly<Record<string, unknown>>[]): RowsResponse {
  const lines = example.map((row) => `${JSON.stringify(row)}\n`).join('');
  return {
    description: 'The rows, in the requested format.',
    content: {
      [MEDIA_TYPES.json]: {
        schema: z.array(z.record(z.string(), z.unknown())).meta({ examples: [[...example]] }),
      },
      [MEDIA_TYPES.ndjson]: { schema: z.string().meta({ examples: [lines] }) },
      [MEDIA_TYPES.csv]: { schema: z.string() },
      [MEDIA_TYPES.arrow]: { schema: binary },
      [MEDIA_TYPES.parquet]: { schema: binary },
    },
  };
}

/** The format of a result. If it is missing, the Accept header decides. */
export const formatSchema = z.enum(SANDBOX_FORMATS).optional().describe('overrides the Accept header');

/** An image, for the description of routes. */
export const IMAGE_RESPONSE = {
  description: 'The image.',
  content: { 'image/*': { schema: binary } },
};
