/** What the notebook uses of Deno's Jupyter kernel (https://docs.deno.com/api/deno/~/Deno.jupyter). */
declare namespace Deno {
  const jupyter: {
    display(mimeBundle: Readonly<Record<string, string>>, options: { readonly raw: true }): Promise<void>;
  };
}
