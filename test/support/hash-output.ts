import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * SHA-256 of every image, plan and data file below the folder of an execution, by path: what is the same whenever a run is the same. Specification,
 * logs and markers hold times.
 */
export async function hashOutput(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) =>
    /\.(?:jpg|parquet)$/u.test(name),
  );
  const hashes: Record<string, string> = {};
  for (const name of names.sort()) {
    const bytes = await readFile(join(folder, name));
    hashes[name] = createHash('sha256').update(bytes).digest('hex');
  }
  return hashes;
}
