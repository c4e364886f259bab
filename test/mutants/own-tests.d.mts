import type { BaseSequencer } from 'vitest/node';

export const ROUND: string;
export const OwnTests: typeof BaseSequencer;
