import { PixlakeError } from '../errors.ts';

/** Chooses the available type that an Accept header prefers; among equals, the order of the server decides. @throws `NOT_ACCEPTABLE` */
export function negotiate<Name extends string>(
  accept: string | undefined,
  mediaTypes: Readonly<Record<Name, string>>,
): Name {
  const offered = Object.entries(mediaTypes) as [Name, string][];
  const ranges = parseAccept(accept ?? '*/*');
  let best: { readonly name: Name; readonly quality: number } | undefined;
  for (const [name, mediaType] of offered) {
    const quality = qualityOf(mediaType, ranges);
    if (quality > (best?.quality ?? 0)) best = { name, quality };
  }
  if (best !== undefined) return best.name;
  throw new PixlakeError('NOT_ACCEPTABLE', 'none of the formats in the Accept header is available', {
    remedy: `there is: ${offered.map(([, mediaType]) => mediaType).join(', ')}`,
  });
}

interface MediaRange {
  readonly range: string;
  readonly quality: number;
}

function parseAccept(accept: string): MediaRange[] {
  return accept
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
      return { range, quality: Number.isNaN(quality) ? 0 : quality };
    });
}

/** The most specific range decides. */
function qualityOf(mediaType: string, ranges: readonly MediaRange[]): number {
  const [kind = ''] = mediaType.split('/');
  for (const wanted of [mediaType, `${kind}/*`, '*/*']) {
    const found = ranges.find(({ range }) => range === wanted);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
