import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';

/** Query parameters of every list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('maximum number of items'),
  cursor: z
    .string()
    .optional()
    .describe('`next` of the page before; its contents may change from one version to the next'),
});

/** The response of a list: a page of its items, such as the example. */
export function pageOf<Item extends z.ZodType>(
  item: Item,
  example: z.output<Item>,
): z.ZodObject<{ items: z.ZodArray<Item>; next: z.ZodNullable<z.ZodString> }> {
  return z
    .object({
      items: z.array(item),
      next: z
        .string()
        .nullable()
        .describe('the `cursor` of the next page, which the Link header has too; null on the last page'),
    })
    .meta({ description: 'A page of the list.', examples: [{ items: [example], next: null }] });
}

/** A list: its name in cursors, and the place of an item in its order. */
export interface ListOrder<Found, Position> {
  readonly name: string;
  readonly position: z.ZodType<Position>;
  readonly positionOf: (item: Found) => Position;
}

/** A page of a list: items after a place, and at most a number of them. */
interface PageSpec<Position> {
  readonly after: Position | undefined;
  readonly limit: number;
}

/**
 * Sends a page of a list. A cursor holds the place of the last item, so items that are added or removed meanwhile shift no page.
 *
 * @param find finds the items after a place, in the order of the list
 * @throws `CURSOR_INVALID`
 */
export async function sendPage<Found, Position, Item>(
  request: FastifyRequest,
  reply: FastifyReply,
  { limit, cursor }: z.output<typeof pageQuery>,
  order: ListOrder<Found, Position>,
  find: (spec: PageSpec<Position>) => Promise<readonly Found[]>,
  toItem: (found: Found) => Item,
): Promise<{ items: Item[]; next: string | null }> {
  const after = cursor === undefined ? undefined : decodeCursor(order, cursor);
  // One more tells whether there is another page.
  const found = await find({ after, limit: limit + 1 });
  const last = found[limit - 1];
  const next = found.length > limit && last !== undefined ? encodeCursor(order, last) : null;
  if (next !== null) reply.header('link', `<${withCursor(request.url, next)}>; rel="next"`);
  return { items: found.slice(0, limit).map(toItem), next };
}

function encodeCursor<Found, Position>(
  { name, positionOf }: ListOrder<Found, Position>,
  item: Found,
): string {
  return Buffer.from(JSON.stringify([name, positionOf(item)])).toString('base64url');
}

function decodeCursor<Position>({ name, position }: ListOrder<never, Position>, cursor: string): Position {
  const parsed = z.tuple([z.literal(name), position]).safeParse(parseCursor(cursor));
  if (parsed.success) return parsed.data[1];
  throw new PixlakeError('CURSOR_INVALID', 'the cursor does not belong to this list, or is damaged', {
    remedy: 'use `next` of an earlier page, or leave the cursor out to begin with the first page',
  });
}

function parseCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** The same request for the next page; see https://www.rfc-editor.org/rfc/rfc8288. */
function withCursor(requested: string, cursor: string): string {
  const url = new URL(requested, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  return url.pathname + url.search;
}
