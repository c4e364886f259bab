/** One feature of the Delta protocol, and how far pixlake supports it. */
export type TableFeature = {
  /** Its name in `readerFeatures` and `writerFeatures` (PROTOCOL.md, "Valid Feature Names in Table Features"). */
  readonly name: string;
  /** Who must support it: writers only, or readers too. */
  readonly boundTo: 'writers' | 'readers and writers';
  /** The first writer version that implies it. Newer features are always listed by name. */
  readonly sinceWriterVersion?: number;
} & (
  | { readonly support: 'read and write' }
  | {
      /** `none`: tables with the feature are refused. `read`: they can be read but not changed. */
      readonly support: 'read' | 'none';
      /** Why pixlake refuses, for the error message. */
      readonly refusal: string;
    }
);
