import type { EmbeddedServer } from './server-fixture.ts';

type Headers = Readonly<Record<string, string>>;

/** The body of an answer. */
export const bytesOf = async (response: Response): Promise<Buffer> =>
  Buffer.from(await response.arrayBuffer());

/** Sends images to `POST /v1/process` of a server. */
export function sendTo(server: { readonly current: EmbeddedServer }): {
  /** One image as the body. */
  readonly upload: (bytes: Uint8Array, query?: string, headers?: Headers) => Promise<Response>;
  /** A form with files by name, and the field `spec`. */
  readonly uploadForm: (
    files: Readonly<Record<string, Uint8Array>>,
    spec?: unknown,
    headers?: Headers,
    query?: string,
  ) => Promise<Response>;
} {
  const urlOf = (query: string): string => `${server.current.url}/v1/process${query}`;
  return {
    upload: async (bytes, query = '', headers = {}) =>
      fetch(urlOf(query), {
        method: 'POST',
        headers: { 'content-type': 'image/jpeg', ...headers },
        body: Buffer.from(bytes),
      }),
    uploadForm: async (files, spec, headers = {}, query = '') => {
      const form = new FormData();
      for (const [name, bytes] of Object.entries(files))
        form.append('image', new Blob([Buffer.from(bytes)]), name);
      if (spec !== undefined) form.append('spec', typeof spec === 'string' ? spec : JSON.stringify(spec));
      return fetch(urlOf(query), { method: 'POST', body: form, headers });
    },
  };
}
