/** The formats in which a result can be streamed. */
export const QUERY_FORMATS = ['table', 'json', 'ndjson', 'csv', 'arrow'] as const;

/** One of {@link QUERY_FORMATS}. */
export type QueryFormat = (typeof QUERY_FORMATS)[number];
