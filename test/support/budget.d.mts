import type { Reporter } from 'vitest/reporters';

export function describeBudget(budgetSeconds: number): string;
export function budgetReporter(budgetSeconds: number): Reporter;
