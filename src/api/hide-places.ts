/** Removes places of the server, which are paths and URIs, from what its clients are told. */
export interface PlaceHider {
  /** Removes them from a message. */
  readonly text: (message: string) => string;
  /** The same for all texts in a value of JSON. A text that is nothing but a place is left with its last name. */
  readonly value: (value: unknown) => unknown;
}

/** A whole text that is a path or URI. */
const PLACE = /^(?:[a-z][a-z\d+.-]*:\/\/|[a-z]:[\\/]|\/|\\\\)[^]*$/iu;

/** Where a path ends in a message. */
const PATH_REST = '(?:/[^\\s"\'`,:;)\\]]*)?(?![\\w-])';

/** Hides all places in a message that look like one, and the given ones, whose names may have blanks. */
export function createPlaceHider(roots: readonly string[]): PlaceHider {
  const own = roots
    .map((root) => root.replace(/\/+$/u, ''))
    .filter((root) => root !== '')
    .map((root) => ({
      pattern: new RegExp(root.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`) + PATH_REST, 'gu'),
      shown: root.includes('://') ? '<uri>' : '<path>',
    }));
  const text = (message: string): string =>
    hidePaths(own.reduce((told, { pattern, shown }) => told.replaceAll(pattern, shown), message));
  const value = (shown: unknown): unknown => {
    if (typeof shown === 'string') return PLACE.test(shown) ? lastName(shown) : text(shown);
    if (Array.isArray(shown)) return shown.map(value);
    if (typeof shown !== 'object' || shown === null) return shown;
    return Object.fromEntries(Object.entries(shown).map(([name, member]) => [name, value(member)]));
  };
  return { text, value };
}

/** The last name of a path or URI, which may carry credentials before its path and after it. */
export function lastName(place: string): string {
  const isUri = place.includes('://');
  const path = isUri ? place.replace(/^[^:]*:\/\/[^/?#]*|[?#][^]*$/gu, '') : place;
  return /[^/\\]+(?=[/\\]*$)/u.exec(path)?.[0] ?? (isUri ? '<uri>' : '<path>');
}

/**
 * Removes what looks like an absolute path or URI from a message; routes of the server stay. Blanks end a path that is not quoted, but words
 * with slashes that follow it belong to it.
 */
export function hidePaths(message: string): string {
  return message
    .replaceAll(/\b(?:s3|https?|file):\/\/[^\s"'`,)\]]+/giu, '<uri>')
    .replaceAll(/(["'`])\/(?!v1\/)[^"'`\n/]+\/[^"'`\n]*\1/gu, '$1<path>$1')
    .replaceAll(
      /(?<![\w.)\]<>])\/(?!v1\/)(?:[^\s/"'`,:;)\]]+\/)+[^\s"'`,:;)\]]*(?: [^\s/"'`,:;()[\]<>]+\/[^\s"'`,:;)\]]*)*/gu,
      '<path>',
    );
}
