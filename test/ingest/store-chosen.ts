import { DEFAULT_LIMITS } from '../../src/image/image-limits.ts';
import type { ImageSource } from '../../src/ingest/image-source.ts';
import type { FileContent } from '../../src/ingest/read-whole-file.ts';
import { type OriginalsTarget, storeOriginals } from '../../src/ingest/store-originals.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb } from '../support/run-in-process.ts';

/** An image to store: its content, and what the table knows of it. */
export interface Chosen {
  readonly id: string;
  readonly name?: string;
  readonly content: Buffer | FileContent;
  readonly heldBytes?: number;
  readonly hasTwin?: boolean;
  /** Key, hash, status and reason in the table. */
  readonly known?: { readonly sha256: string; readonly status: string; readonly reason?: string };
}

/** A source that gives content from memory, and tells what is opened and read. */
function sourceOf(chosen: readonly Chosen[], log: string[]): ImageSource {
  return {
    async *list() {
      yield { name: 'unused' };
    },
    async *open(wanted) {
      for await (const file of wanted) {
        const found = chosen[file.position];
        if (found === undefined) throw new Error(`no file ${file.position}`);
        log.push(`open ${found.id}`);
        const { content } = found;
        yield {
          file,
          heldBytes: found.heldBytes ?? 0,
          async read() {
            log.push(`read ${found.id}`);
            return Buffer.isBuffer(content) ? { kind: 'bytes', bytes: content } : content;
          },
        };
      }
    },
  };
}

const literal = (text: string | undefined): string => (text === undefined ? 'NULL' : quoteText(text));

/** What became of them. */
export interface Stored {
  readonly storedBytes: number;
  readonly images: Record<string, unknown>[];
  readonly unread: object[];
  readonly keys: string[];
  readonly log: string[];
}

/** Stores images in a lake, by default in one that is empty. */
export async function storeAll(
  chosen: readonly Chosen[],
  target: Partial<OriginalsTarget> = {},
  store?: ObjectStore,
): Promise<Stored> {
  const lake = store ?? openLocalStore(await makeTestFolder());
  using db = await openTestDb();
  await db.run(`
    CREATE TABLE stored_images (image_ref VARCHAR, image_key VARCHAR, image_sha256 VARCHAR, image_bytes BIGINT,
      image_format VARCHAR, image_width INTEGER, image_height INTEGER, image_channels INTEGER, image_frames INTEGER,
      image_bit_depth INTEGER, image_status VARCHAR, image_reason VARCHAR);
    CREATE TABLE unread_images (image_ref VARCHAR, name VARCHAR, reason VARCHAR);
    CREATE TABLE chosen_images (number BIGINT, position BIGINT, name VARCHAR, image_ref VARCHAR, id VARCHAR, has_twin BOOLEAN,
      image_key VARCHAR, image_sha256 VARCHAR, image_status VARCHAR, image_reason VARCHAR)`);
  const rows = chosen.map(({ id, name, hasTwin, known }, at) => {
    const facts = [known && `old/${id}`, known?.sha256, known?.status, known?.reason].map(literal);
    return `(${at}, ${at}, ${literal(name ?? `${id}.img`)}, ${literal(`ref ${id}`)}, ${literal(id)}, ${hasTwin ?? false}, ${facts.join(', ')})`;
  });
  // The last one comes first, as it may in a table.
  if (rows.length > 0) await db.run(`INSERT INTO chosen_images VALUES ${rows.toReversed().join(', ')}`);
  const log: string[] = [];
  const storedBytes = await storeOriginals(db, sourceOf(chosen, log), {
    store: lake,
    folder: 'originals/t',
    limits: DEFAULT_LIMITS,
    areLimitsNew: false,
    signal: undefined,
    onImage: (count, total) => log.push(`${count} of ${total}`),
    ...target,
  });
  return {
    storedBytes,
    images: await db.rows('FROM stored_images ORDER BY image_ref'),
    unread: await db.rows('FROM unread_images ORDER BY image_ref'),
    keys: await keysOf(lake),
    log,
  };
}
