import type { AddAction } from './delta-actions.ts';

/** Tag with the SHA-256 of a data file that pixlake wrote. */
const TAG = 'pixlake.sha256';

/** The tag of a data file by which `verify --deep` knows its bytes. */
export function checksumTag(sha256: string): Record<string, string> {
  return { [TAG]: sha256 };
}

/** SHA-256 that a data file was written with; `undefined` for those of other writers. */
export function checksumOf({ tags }: AddAction): string | undefined {
  return tags?.[TAG];
}
