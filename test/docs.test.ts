import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Rooms with few nouns of their own: what there is to say stands in the table of rooms, or in the README of a neighbour. */
const WITHOUT_README = ['lakehouse', 'result', 'sample', 'work'];

const CODE_DOCUMENTS = ['src', '.github'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'lake/README.md',
  'notebooks/README.md',
  ...['README.md', 'SCALING.md', 'PEERS.md'].map((name) => join('benchmarks', name)),
  ...CODE_DOCUMENTS,
];

/** What a document has in backticks, out of blocks of code. */
function codeSpans(document: string): string[] {
  const text = read(document).replaceAll(/^```.*?^```$/gmsu, '');
  return Array.from(text.matchAll(/`([^`\n]+)`/gu), ([, code = '']) => code);
}

/** Relative links of a document, as paths from the root, and the heading that each names. */
function linksOf(document: string): { readonly path: string; readonly heading: string | undefined }[] {
  const links = read(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/gu);
  return Array.from(links, ([, path = '', heading]) => ({
    path: path === '' ? document : normalize(join(dirname(document), path)),
    heading,
  }));
}

/** The names by which links reach the headings of a document. */
function headingsOf(document: string): string[] {
  return Array.from(read(document).matchAll(/^#+ (.+)$/gmu), ([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Whether code names a file or folder of the repository; paths in a lake begin with `<lake>/`, package entries with `pixlake/`. */
function isPath(code: string): boolean {
  if (!/^(?!pixlake\/)[\w.][\w./-]*$/u.test(code)) return false;
  return code.includes('/') || /\.(?:ts|md|mjs|py|sql|json|c|h|sh|wasm)$/u.test(code);
}

function resolves(document: string, path: string): boolean {
  return [dirname(document), 'src', '.'].some((folder) => existsSync(join(root, folder, path)));
}

describe.each(DOCUMENTS)('%s', (document) => {
  test('links to what is there', () => {
    const links = linksOf(document);
    expect(links.filter(({ path }) => !existsSync(join(root, path)))).toEqual([]);
    const withHeading = links.filter(({ heading }) => heading !== undefined);
    expect(withHeading.filter(({ path, heading = '' }) => !headingsOf(path).includes(heading))).toEqual([]);
  });

  test('names scripts of package.json', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = Array.from(
      read(document).matchAll(/npm run (?:--silent )?([\w:]+)/gu),
      ([, name = '']) => name,
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test('names commands of the command line', () => {
    const named = codeSpans(document)
      .concat(Array.from(read(document).matchAll(/^ {4}(npx pixlake .+)$/gmu), ([, line = '']) => line))
      .flatMap((code) => Array.from(code.matchAll(/^(?:npx )?pixlake ([a-z][a-z-]*)(?: ([a-z-]+)\b)?/gu)))
      .map(([, name = '', part]) => ({ name, part }));
    const unknown = named.filter(({ name, part }) => {
      const parts = COMMANDS.get(name);
      return parts === undefined || (part !== undefined && parts.length > 0 && !parts.includes(part));
    });
    expect(unknown).toEqual([]);
  });
});

// A reference names files and folders of its readers.
describe.each(CODE_DOCUMENTS.filter((path) => !path.endsWith('REFERENCE.md')))('%s', (document) => {
  test('names files and folders that are there', () => {
    expect(codeSpans(document).filter((code) => isPath(code) && !resolves(document, code))).toEqual([]);
  });
});

/** The commands of the command line, and the commands below each. */
const COMMANDS = new Map<string, string[]>();
for (const file of readdirSync(join(root, 'src/cli')).filter((name) => name.endsWith('.ts'))) {
  const source = read(`src/cli/${file}`);
  const name = file.replace(/(?:-delete)?-command\.ts$/u, '');
  for (const [, parent = '', command = ''] of source.matchAll(/(\w+)\s*\.command\('([a-z-]+)/gu)) {
    if (parent === 'program') COMMANDS.set(command, COMMANDS.get(command) ?? []);
    else COMMANDS.set(name, [...(COMMANDS.get(name) ?? []), command]);
  }
}

describe('the references', () => {
  test.each([...COMMANDS])('list the command %s with all that is below it', (command, parts) => {
    const rows = Array.from(
      read('src/cli/REFERENCE.md').matchAll(/^\| (`pixlake .*?) \|/gmu),
      ([, row = '']) => row,
    );
    const own = rows.filter((row) => new RegExp(String.raw`pixlake ${command}\b`, 'u').test(row)).join(' ');
    expect(own).not.toBe('');
    // `tables list` is what `tables` does by itself.
    const listed = parts.filter((part) => command !== 'tables' || part !== 'list');
    expect(listed.filter((part) => !new RegExp(String.raw`[ \x60]${part}\b`, 'u').test(own))).toEqual([]);
  });

  test('list every route of the server, and no other', () => {
    const source = readdirSync(join(root, 'src/api'))
      .filter((name) => name !== 'examples.ts')
      .map((name) => read(`src/api/${name}`))
      .join('\n');
    const paths = source.matchAll(/'(\/(?:v1\/[^']*|healthz|readyz|metrics|docs|openapi\.json))'/gu);
    const commands = source.matchAll(/^\s*command\('(\w+)'/gmu);
    const routes = new Set([
      ...Array.from(paths, ([, path = '']) => path.replaceAll(/:\w+|\*/gu, '{}')),
      ...Array.from(commands, ([, name]) => `/v1/runs/{}/${name}`),
    ]);
    const listed = new Set<string>();
    for (const [, cell = ''] of read('src/api/REFERENCE.md').matchAll(/^\| (`(?:GET|POST) .*?) \|/gmu)) {
      let last = '/';
      for (const [, path = ''] of cell.matchAll(/`(?:[A-Z]+ )?(\/[^`]+)`/gu)) {
        last = path.startsWith('/v1') ? path.replaceAll(/\{\w+\}/gu, '{}') : join(dirname(last), path);
        listed.add(last);
      }
    }
    expect([...listed].sort()).toEqual([...routes].sort());
  });
});

describe('src/README.md', () => {
  const map = read('src/README.md');

  test('fits on a few pages', () => {
    expect(map.split('\n').length).toBeLessThanOrEqual(200);
  });

  test('links to a README for every larger room', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'decisions')
      .map(({ name }) => name);
    const larger = rooms.filter((room) => !WITHOUT_README.includes(room));
    const linked = linksOf('src/README.md').map(({ path }) => path);
    expect(linked).toEqual(expect.arrayContaining(larger.map((room) => `src/${room}/README.md`)));
    expect(WITHOUT_README.filter((room) => existsSync(join(root, 'src', room, 'README.md')))).toEqual([]);
  });

  test('names declarations that are where it says', () => {
    const named = Array.from(
      map.matchAll(/`(\w+)` (?:in|of) `([\w./-]+\.ts)`/gu),
      ([, name = '', path = '']) => ({
        name,
        path: existsSync(join(root, 'src', path)) ? `src/${path}` : path,
      }),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(
      named.filter(({ name, path }) => !new RegExp(String.raw`\b${name}\b`, 'u').test(read(path))),
    ).toEqual([]);
  });

  const decisions = readdirSync(join(root, 'src/decisions'));

  test.each(decisions)('lists the decision %s, which is dated and says what would change it', (file) => {
    const [title = '', , date] = read(`src/decisions/${file}`).split('\n');
    expect(file).toMatch(/^\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$/u);
    expect(date).toBe(file.slice(0, 10));
    const text = read(`src/decisions/${file}`);
    for (const part of ['Context', 'Decision', 'Consequences', 'What would change our mind'])
      expect(text).toContain(`\n**${part}.** `);
    expect(map).toContain(`- ${date}: [${title.replace('# ', '')}](decisions/${file})`);
  });
});

test('links of published documents lead to published files', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  const patterns = files.map((pattern) => {
    const source = pattern
      .replaceAll('.', String.raw`\.`)
      .replaceAll(/\*\*\/|\*/gu, (wildcard) => (wildcard === '*' ? '[^/]*' : '(?:.*/)?'));
    return new RegExp(`^${source}(?:/|$)`, 'u');
  });
  // A link may also name a folder that holds what is published.
  const isPublished = (path: string): boolean =>
    patterns.some((pattern) => pattern.test(path)) || files.some((pattern) => pattern.startsWith(`${path}/`));
  const dangling = DOCUMENTS.filter(isPublished).flatMap((document) =>
    linksOf(document)
      .filter(({ path }) => !isPublished(path))
      .map(({ path }) => `${document} → ${path}`),
  );
  expect(dangling).toEqual([]);
});
