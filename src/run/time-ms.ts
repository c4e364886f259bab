import { z } from 'zod';

/** The latest time of a Date. */
const MAX_TIME_MS = 8.64e15;

/** Schema of a stored time in ms since 1970 that a Date can hold. */
export const timeMs = z.number().min(0).max(MAX_TIME_MS);
