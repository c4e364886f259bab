/** A notebook, as far as it is compared. */
export interface ParsedNotebook {
  readonly cells: readonly {
    readonly metadata: { readonly tags?: readonly string[] };
    readonly source: readonly string[];
    readonly outputs?: readonly object[];
  }[];
}

export declare function compareNotebooks(committed: ParsedNotebook, executed: ParsedNotebook): string[];
