/** What is done to an image, in order; each may fail. */
export const STAGES = ['read', 'transform', 'infer'] as const;

/** A part of the work on an image. */
export type Stage = (typeof STAGES)[number];
