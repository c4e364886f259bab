/** A difference of what lies there from the table's log or rows, or from what a run counted. */
export interface VerifyProblem {
  readonly key: string;
  readonly problem: string;
}
