/** How long this process has run, beside what its suite may take on two quiet cores. A machine that others use takes longer, so nothing fails by it. */
export function describeBudget(budgetSeconds) {
  return `${(performance.now() / 1000).toFixed(0)} s of ${budgetSeconds.toFixed(0)} s budgeted on two cores of their own`;
}

/** A reporter of vitest that prints it. */
export function budgetReporter(budgetSeconds) {
  return {
    onTestRunEnd() {
      console.log(`      ${describeBudget(budgetSeconds)}\n`);
    },
  };
}
