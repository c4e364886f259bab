import { cp, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTestFolder } from './pixlake.ts';
import { TEMPLATES } from './template-folder.ts';

const templates = new Map<string, Promise<string>>();

async function makeTemplate(fill: (folder: string) => Promise<void>): Promise<string> {
  const root = process.env[TEMPLATES];
  if (root === undefined)
    throw new Error('the configuration of vitest lacks template-folder.ts as its globalSetup');
  const folder = await mkdtemp(join(root, 'template-'));
  await fill(folder);
  return folder;
}

/** Copies for a test a folder that was filled once for all tests of this process that name it. */
export async function copyTemplate(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const template = templates.get(name) ?? makeTemplate(fill);
  templates.set(name, template);
  const folder = await makeTestFolder();
  await cp(await template, folder, { recursive: true, preserveTimestamps: true });
  return folder;
}
