import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Cell {
  readonly cell_type: 'code' | 'markdown';
  readonly metadata: { readonly tags?: readonly string[] };
  readonly source: readonly string[];
  readonly outputs?: readonly {
    readonly output_type: string;
    readonly data?: Readonly<Record<string, unknown>>;
  }[];
}

const root = join(import.meta.dirname, '../..');
const NOTEBOOKS = ['fashion.ipynb', 'read-with-python.ipynb'];
const cellsOf = (name: string): readonly Cell[] =>
  (JSON.parse(readFileSync(join(root, 'notebooks', name), 'utf8')) as { cells: Cell[] }).cells;
const markdownOf = (name: string): string =>
  cellsOf(name)
    .filter((cell) => cell.cell_type === 'markdown')
    .map(({ source }) => source.join(''))
    .join('\n');

describe.each(NOTEBOOKS)('%s', (name) => {
  test('was executed to its end, and shows no error', () => {
    const outputs = cellsOf(name).flatMap((cell) => cell.outputs ?? []);
    expect(outputs.filter(({ output_type: type }) => type === 'error')).toEqual([]);
    expect(cellsOf(name).findLast((cell) => cell.cell_type === 'code')?.outputs).not.toEqual([]);
    expect(outputs.some(({ data }) => data?.['image/png'] !== undefined)).toBe(true);
  });

  test('marks the cells that show times', () => {
    expect(
      cellsOf(name).filter(({ metadata }) => metadata.tags?.includes('measured')).length,
    ).toBeGreaterThan(0);
  });

  test('links to what is there', () => {
    const links = Array.from(
      markdownOf(name).matchAll(/\]\((?!https?:)([^)#\s]+)/gu),
      ([, path = '']) => path,
    );
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((path) => !existsSync(join(root, 'notebooks', path)))).toEqual([]);
  });
});

test('the saved queries that a notebook names are there', () => {
  const text = NOTEBOOKS.map(markdownOf).join('\n');
  const names = Array.from(text.matchAll(/saved query\s+`([a-z-]+)`/giu), ([, query = '']) => query);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((query) => !existsSync(join(root, 'sql', `${query}.sql`)))).toEqual([]);
});

test('the committed outputs are of the generated catalogue, whose labels of an untrained model are marked', () => {
  const texts = cellsOf('fashion.ipynb').flatMap(({ outputs = [] }) =>
    outputs.flatMap(({ data = {} }) => Object.values(data).flat().map(String)),
  );
  expect(texts.some((text) => text.startsWith('generated catalogue: '))).toBe(true);
  const card = texts.find((text) => text.includes('labelled by fashionnet-small')) ?? '';
  const isMarked = texts.some((text) => text.includes('untrained: these labels mean nothing'));
  expect(isMarked).toBe(card.includes('untrained'));
});

test('the image with the notebooks has httpfs of the DuckDB that they use', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const version = dependencies['@duckdb/node-api']?.split('-', 1)[0];
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  expect(dockerfile).toContain(`duckdb-extension-httpfs==${version}`);
  expect(dockerfile).toContain(`/extensions/v${version}/httpfs.duckdb_extension`);
});
