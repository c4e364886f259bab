import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { makeTestFolder } from './pixlake.ts';
import { TEMPLATES } from './template-folder.ts';

type Fill = (folder: string) => Promise<unknown>;

const templates = new Map<string, Promise<string>>();

/** Fills a template, unless another process of the tests has done so. */
async function makeTemplate(name: string, fill: Fill): Promise<string> {
  const root = process.env[TEMPLATES];
  if (root === undefined)
    throw new Error('the configuration of vitest lacks template-folder.ts as its globalSetup');
  const template = join(root, name.replaceAll(' ', '-'));
  const isThere = async (): Promise<boolean> => (await stat(template).catch(() => undefined)) !== undefined;
  if (await isThere()) return template;
  const folder = await mkdtemp(join(root, 'unfinished-'));
  await fill(folder);
  await rename(folder, template).catch(async (error: unknown) => {
    if (!(await isThere())) throw error;
  });
  return template;
}

async function copyInto(folder: string, name: string, fill: Fill): Promise<void> {
  const template = templates.get(name) ?? makeTemplate(name, fill);
  templates.set(name, template);
  await cp(await template, folder, { recursive: true, preserveTimestamps: true });
}

/** Copies for a test a folder that was filled once for all tests that name it. */
export async function copyTemplate(name: string, fill: Fill): Promise<string> {
  const folder = await makeTestFolder();
  await copyInto(folder, name, fill);
  return folder;
}

/** Copies such a folder once for the tests of a file, which read it or add to it what no other test minds. */
export function useTemplate(name: string, fill: Fill): { readonly folder: string } {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    await copyInto(folder, name, fill);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
  };
}
