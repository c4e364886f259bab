import { PixlakeError } from '../errors.ts';
import { DEFAULT_LIMITS, type ImageLimits } from '../image/image-limits.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { LIMIT_PROPERTIES } from '../table/table-properties.ts';

/** The limits of a table's last ingest. */
export function readLimits(base: Snapshot | undefined): ImageLimits {
  const read = (name: keyof ImageLimits): number => {
    const value = Number(base?.metadata.configuration[LIMIT_PROPERTIES[name]]);
    return Number.isSafeInteger(value) && value >= 1 ? value : DEFAULT_LIMITS[name];
  };
  return { maxPixels: read('maxPixels'), maxImageMemory: read('maxImageMemory') };
}

/** The limits of an ingest: the given ones, else those of the table. @throws `ARGUMENT_INVALID` */
export function chooseLimits(given: Partial<ImageLimits>, base: Snapshot | undefined): ImageLimits {
  for (const name of LIMIT_NAMES) {
    const value = given[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new PixlakeError('ARGUMENT_INVALID', `${name} is ${value}, not a whole number of at least 1`);
  }
  const { maxPixels, maxImageMemory } = readLimits(base);
  return {
    maxPixels: given.maxPixels ?? maxPixels,
    maxImageMemory: given.maxImageMemory ?? maxImageMemory,
  };
}

/** The properties of a table after an ingest with `limits`. A new table records them, an existing one only if they change. */
export function recordLimits(base: Snapshot | undefined, limits: ImageLimits): Record<string, string> {
  const known = readLimits(base);
  const changed = LIMIT_NAMES.filter((name) => base === undefined || limits[name] !== known[name]);
  return {
    ...base?.metadata.configuration,
    ...Object.fromEntries(changed.map((name) => [LIMIT_PROPERTIES[name], String(limits[name])])),
  };
}

/** Whether a table's last ingest had other limits. */
export function changesLimits(base: Snapshot | undefined, limits: ImageLimits): boolean {
  const known = readLimits(base);
  return LIMIT_NAMES.some((name) => limits[name] !== known[name]);
}

const LIMIT_NAMES = ['maxPixels', 'maxImageMemory'] as const;
