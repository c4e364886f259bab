import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

const scripts = ['test', 'benchmarks', 'notebooks'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => join(folder, name)),
);

/** What a script imports from the build: the file and the names. */
function importsOf(script: string): { path: string; names: string[] }[] {
  const source = readFileSync(join(root, script), 'utf8');
  const found = source.matchAll(/import \{(?<names>[^}]+)\} from '(?<path>\.[^']*\/dist\/[^']+)'/gu);
  return Array.from(found, ({ groups: { names = '', path = '' } = {} }) => ({
    path: resolve(dirname(join(root, script)), path),
    names: names
      .split(',')
      .map((name) => name.trim().split(' as ', 1).join(''))
      .filter((name) => name !== ''),
  }));
}

// Some scripts are run by hand only, and no compiler looks at them.
test.each(scripts.filter((script) => importsOf(script).length > 0))(
  '%s imports what the build has',
  async (script) => {
    const imports = importsOf(script);
    expect(imports).not.toEqual([]);
    for (const { path, names } of imports) {
      const built = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
      expect(Object.keys(built)).toEqual(expect.arrayContaining(names));
    }
  },
);
