import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PixlakeError } from '../errors.ts';

/** Detects changes of a file that is read more than once. */
export interface FileWatch {
  /** @throws `SOURCE_CHANGED` if the file was written, replaced or removed since the watch began */
  throwIfChanged(): Promise<void>;
}

/** Starts to watch a file of a source. */
export async function watchFile(path: string): Promise<FileWatch> {
  const before = await describe(path);
  return {
    async throwIfChanged() {
      if ((await describe(path)) === before) return;
      throw new PixlakeError('SOURCE_CHANGED', `${path} changed while it was read; nothing was committed`, {
        remedy: 'ingest again when nobody writes to the file, or ingest a copy',
      });
    },
  };
}

async function describe(path: string): Promise<string> {
  const stats: Partial<Stats> = await stat(path).catch(() => ({}));
  return [stats.dev, stats.ino, stats.size, stats.mtimeMs].join();
}
