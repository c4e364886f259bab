/** Stages of the work on an image, in order. Each may fail. */
export const STAGES = ['read', 'transform', 'infer'] as const;

/** One of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];
