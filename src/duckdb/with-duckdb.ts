import { rm } from 'node:fs/promises';
import type { ObjectStore } from '../storage/object-store.ts';
import { type DuckDb, type DuckDbOptions, openDuckDb } from './open-duckdb.ts';

/** Works with a DuckDB and a temporary folder of the store, and removes both afterwards. @throws `STORAGE_…` and whatever the work throws */
export async function withDuckDb<Result>(
  store: Pick<ObjectStore, 'makeScratchDir'>,
  work: (db: DuckDb, scratchDir: string) => Promise<Result>,
  {
    isForWriting = false,
    ...options
  }: Omit<DuckDbOptions, 'scratchDir'> & { readonly isForWriting?: boolean } = {},
): Promise<Result> {
  const scratchDir = await store.makeScratchDir({ isForWriting });
  try {
    using db = await openDuckDb({ ...options, scratchDir });
    return await work(db, scratchDir);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}
