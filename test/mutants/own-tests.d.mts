import type { BaseSequencer } from 'vitest/node';

export const ROUND: string;
export const SUITE: string;
export const EVERYWHERE: string;
export const OwnTests: typeof BaseSequencer;
export function readMutants(root: string): Map<string, string>;
