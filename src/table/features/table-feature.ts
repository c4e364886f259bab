/** One feature of the Delta protocol, and how far pixlake supports it. */
export type TableFeature = {
  /** Its name in `readerFeatures` and `writerFeatures` (PROTOCOL.md, "Valid Feature Names in Table Features"). */
  readonly name: string;
  /** Who must know it: only those who write to a table, or those who read it too. */
  readonly boundTo: 'writers' | 'readers and writers';
  /** The first writer version that implies it; later features are always listed by name. */
  readonly sinceWriterVersion?: number;
} & (
  | { readonly support: 'read and write' }
  | {
      /** Tables with a feature of `none` are refused; those with one of `read` can be read, but not changed. */
      readonly support: 'read' | 'none';
      /** Why pixlake refuses, for the error message. */
      readonly refusal: string;
    }
);
