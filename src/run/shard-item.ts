import type { GivenBox } from '../image/clip-box.ts';
import type { PixlakeError } from '../errors.ts';
import type { Stage } from './stages.ts';

/** One image to be written: a copy of a row of the plan. */
export interface ShardItem {
  /** Place in the plan that is worked on. */
  readonly ordinal: bigint;
  /** Place in the plan of the execution: another one where a retry does it again. */
  readonly firstOrdinal: bigint;
  readonly id: string;
  /** Object key of the image's file, without copy and ending. */
  readonly stem: string;
  readonly copy: number;
  readonly imageKey: string | null;
  readonly sha256: string | null;
  /** The box to cut out, if the SQL gives one. */
  readonly box: GivenBox | null;
}

/** An image that could not be written, and in which stage it failed. */
export interface FailedImage {
  readonly kind: 'failure';
  readonly item: ShardItem;
  readonly stage: Stage;
  readonly error: PixlakeError;
}
