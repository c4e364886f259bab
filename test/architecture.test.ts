import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';

/** All rooms that the ones below put together. */
const LIBRARY = [
  'storage',
  'table',
  'sql',
  'duckdb',
  'result',
  'catalog',
  'sandbox',
  'image',
  'model',
  'sample',
  'work',
  'ingest',
  'run',
  'executor',
  'maintenance',
];

/** Who may import whom; `config`, `version`, `errors` and `error-limit`, which ingests and runs share, are open to all. `src/README.md` and this table say the same. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  storage: [],
  table: ['storage'],
  sql: ['table'],
  duckdb: ['storage', 'table', 'sql'],
  result: ['duckdb'],
  catalog: ['storage', 'table', 'sql', 'duckdb'],
  sandbox: ['storage', 'table', 'sql', 'duckdb', 'result', 'catalog'],
  image: [],
  model: ['storage', 'image'],
  sample: [],
  work: ['storage'],
  ingest: ['storage', 'table', 'sql', 'duckdb', 'catalog', 'image', 'work'],
  run: ['storage', 'table', 'sql', 'duckdb', 'catalog', 'image', 'model', 'work'],
  executor: ['work', 'run'],
  maintenance: ['storage', 'table', 'sql', 'duckdb', 'catalog', 'model', 'run'],
  lakehouse: LIBRARY,
  api: ['lakehouse', 'doors'],
  cli: ['lakehouse', 'doors', 'api'],
  index: [...LIBRARY, 'lakehouse'],
  config: [],
  version: [],
  errors: [],
  'error-limit': [],
};

/** The files that a room of `doors` may take values from, besides the lakehouse; types it may take from anywhere in the library. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  api: [
    'image/transform.ts',
    'image/transforms/parse-field.ts',
    'image/transforms/resize.ts',
    'run/event-log.ts',
    'run/run-spec.ts',
    'run/stages.ts',
    'run/standing.ts',
    'run/transform-schema.ts',
    'sandbox/query-sandbox.ts',
    'sql/table-reference.ts',
  ],
  cli: [
    'image/transform.ts',
    'image/transforms/parse-field.ts',
    'model/built-in-models.ts',
    'model/devices.ts',
    'model/runtime.ts',
    'result/plain-value.ts',
    'result/query-formats.ts',
    'run/stages.ts',
    'sample/write-sample.ts',
    'sql/saved-query.ts',
    'storage/s3-options.ts',
    'storage/temporary-folder.ts',
  ],
};

const OPEN_TO_ALL = ['config', 'errors', 'error-limit', 'version'];

const root = join(import.meta.dirname, '..');
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

function roomOf(file: string): string {
  return file.split('/')[0]?.replace(/\.ts$/u, '') ?? '';
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  const paths = source.matchAll(/(?:from\s+|import\s+|import\()'(\.[^']+)'/gu);
  return Array.from(paths, ([, path]) => normalize(join(dirname(file), path ?? '')));
}

/** Files from which a file takes more than types. */
function valueImportsOf(file: string): string[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  const statements = source.matchAll(/^(?:import|export) ([^;]*?) from '(\.[^']+)';$/gmsu);
  return Array.from(statements, ([, names = '', path = '']) => ({ names, path }))
    .filter(
      ({ names }) => !/^type\b/u.test(names) && /(?:^|[{,])\s*(?!type\b)\w/u.test(names.replace(/\}$/u, '')),
    )
    .map(({ path }) => normalize(join(dirname(file), path)));
}

/** Files that a file takes values from, at once or when it needs them. */
function everImportsOf(file: string): string[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  const later = Array.from(source.matchAll(/\bimport\('(\.[^']+)'\)/gu), ([, path = '']) =>
    normalize(join(dirname(file), path)),
  );
  return [...valueImportsOf(file), ...later];
}

describe('architecture', () => {
  test.each(files)('%s imports only what its room may', (file) => {
    const room = roomOf(file);
    const allowed = MAY_IMPORT[room];
    expect(allowed, `room ${room} is not in the table`).toBeDefined();
    const doors = DOORS[room];
    const foreign = (doors === undefined ? importsOf(file) : everImportsOf(file))
      .filter((other) => !doors?.includes(other))
      .map(roomOf)
      .filter((other) => other !== room && !OPEN_TO_ALL.includes(other) && !allowed?.includes(other));
    expect(foreign).toEqual([]);
  });

  test('every door is used', () => {
    for (const [room, doors] of Object.entries(DOORS)) {
      const used = new Set(files.filter((file) => roomOf(file) === room).flatMap(everImportsOf));
      expect(doors.filter((door) => !used.has(door))).toEqual([]);
    }
  });

  test('only a transaction commits', () => {
    const committers = files.filter((file) => importsOf(file).includes('table/commit-table.ts'));
    expect(committers).toEqual(['table/transaction.ts']);
  });

  test('no import cycles', () => {
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      expect(path, `cycle through ${file}`).not.toContain(file);
      if (done.has(file)) return;
      for (const other of importsOf(file)) visit(other, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(done.size).toBe(files.length);
  });

  test('no chain of imports is longer than 14 files; types are free', () => {
    const depths = new Map<string, number>();
    const depthOf = (file: string): number => {
      const depth = depths.get(file) ?? 1 + Math.max(0, ...valueImportsOf(file).map(depthOf));
      depths.set(file, depth);
      return depth;
    };
    expect(files.filter((file) => depthOf(file) > 14)).toEqual([]);
  });

  test.each(files)('%s is short and named in kebab-case', (file) => {
    expect(file).toMatch(/^[a-z0-9/-]+\.ts$/u);
    expect(readFileSync(join(root, 'src', file), 'utf8').split('\n').length).toBeLessThanOrEqual(300);
  });

  test('each file with code in these rooms has a test of its name', () => {
    const untested = files.filter(
      (file) =>
        /^(?:maintenance|executor|cli|run)\//u.test(file) &&
        /^(?:export )?(?:default )?(?:async )?(?:function|class)\b/mu.test(
          readFileSync(join(root, 'src', file), 'utf8'),
        ) &&
        !existsSync(join(import.meta.dirname, file.replace(/\.ts$/u, '.test.ts'))),
    );
    expect(untested).toEqual([]);
  });

  test('src/README.md has the table of rooms', () => {
    const readme = readFileSync(join(root, 'src/README.md'), 'utf8');
    for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
      if (['lakehouse', 'index', ...OPEN_TO_ALL].includes(room)) continue;
      const row = new RegExp(`^\\| \`${room}/\` \\|[^|]*\\| ([^|]*) \\|$`, 'mu').exec(readme)?.[1];
      expect(row, `room ${room}`).toBe(allowed.length === 0 ? 'nothing' : allowed.join(', '));
    }
  });
});

describe('error codes', () => {
  test.each(Object.entries(ERRORS))('%s is documented with its status and exit code', (code, kind) => {
    const readme = readFileSync(join(root, 'src/errors.md'), 'utf8');
    expect(readme).toContain(`| \`${code}\` | ${kind.status} | ${kind.exitCode} | ${kind.meaning} |`);
  });

  test('every code is used', () => {
    const sources = files
      .filter((file) => file !== 'errors.ts')
      .map((file) => readFileSync(join(root, 'src', file), 'utf8'));
    const unused = Object.keys(ERRORS).filter(
      (code) => !sources.some((source) => source.includes(`'${code}'`)),
    );
    expect(unused).toEqual([]);
  });
});
