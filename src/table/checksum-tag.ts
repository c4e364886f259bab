import type { AddAction } from './delta-actions.ts';

/** Tag for the SHA-256 of a data file that pixlake wrote. */
const TAG = 'pixlake.sha256';

/** The tag by which `verify --deep` checks the bytes of a data file. */
export function checksumTag(sha256: string): Record<string, string> {
  return { [TAG]: sha256 };
}

/** The SHA-256 with which a data file was written; `undefined` for files of other writers. */
export function checksumOf({ tags }: AddAction): string | undefined {
  return tags?.[TAG];
}
