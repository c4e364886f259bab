import type { MetadataAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';

/** Table property with the columns that rows are sorted by within a data file, as a JSON array of names. */
export const SORT_PROPERTY = 'pixlake.sortBy';

/** Table properties with the limits of the images that were ingested, as whole numbers. */
export const LIMIT_PROPERTIES = {
  maxPixels: 'pixlake.maxPixels',
  maxImageMemory: 'pixlake.maxImageMemory',
} as const;

/** The columns by which rows are sorted within a data file; empty if the table does not say. */
export function sortColumnsOf(metadata: MetadataAction, schema: DeltaStruct): string[] {
  let names: unknown;
  try {
    names = JSON.parse(metadata.configuration[SORT_PROPERTY] ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(names)) return [];
  return schema.fields.map(({ name }) => name).filter((name) => names.includes(name)).length === names.length
    ? names.map(String)
    : [];
}

/** Commits between two checkpoints if `delta.checkpointInterval` is not set. */
const CHECKPOINT_INTERVAL = 10;

/** Number of versions after which the next checkpoint is due. */
export function checkpointIntervalOf({ configuration }: MetadataAction): number {
  const interval = Number(configuration['delta.checkpointInterval'] ?? CHECKPOINT_INTERVAL);
  return Number.isSafeInteger(interval) && interval > 0 ? interval : CHECKPOINT_INTERVAL;
}

/** Properties that say how long something is kept, with the protocol's defaults. */
const RETENTIONS = {
  'delta.deletedFileRetentionDuration': 'interval 1 week',
  'delta.logRetentionDuration': 'interval 30 days',
};

/** How long a table's properties keep removed data files or log entries, in ms; `undefined` if the property is not an interval. */
export function retentionOf(
  { configuration }: MetadataAction,
  property: keyof typeof RETENTIONS,
): number | undefined {
  return parseInterval(configuration[property] ?? RETENTIONS[property]);
}

const UNITS_MS: Readonly<Record<string, number>> = {
  nanosecond: 1e-6,
  microsecond: 1e-3,
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};

/**
 * Parses an interval as Spark writes it, such as `interval 1 week 2 days`, to ms; `undefined` for other texts and for
 * months and years, which have no fixed length.
 */
export function parseInterval(text: string): number | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/^interval\b/u, '')
    .replaceAll("'", ' ');
  if (!/^(?:\s*\+?\d+(?:\.\d+)?\s+[a-z]+)+\s*$/u.test(words)) return undefined;
  let sumMs = 0;
  for (const [, count, unit = ''] of words.matchAll(/(\d+(?:\.\d+)?)\s+([a-z]+)/gu)) {
    const unitMs = UNITS_MS[unit.replace(/s$/u, '')];
    if (unitMs === undefined) return undefined;
    sumMs += Number(count) * unitMs;
  }
  return sumMs;
}
