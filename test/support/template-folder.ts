import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Name of the variable that tells the processes of the tests where {@link copyTemplate} keeps what it copies. */
export const TEMPLATES = 'PIXLAKE_TEST_TEMPLATES';

/** Makes that folder before the tests, and gives what removes it after them: processes of tests are ended without notice. */
export default async function makeTemplateFolder(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-templates-'));
  process.env[TEMPLATES] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
