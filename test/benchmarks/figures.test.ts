import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

type Results = Readonly<Record<string, { readonly machine?: object }>>;

const root = join(import.meta.dirname, '../..');
const load = async <Module>(file: string): Promise<Module> =>
  (await import(join(root, 'benchmarks', file))) as Module;
const { DOCUMENTS, fillFigures, readResults } = await load<{
  readonly DOCUMENTS: readonly string[];
  readonly fillFigures: (text: string, results: Results) => string;
  readonly readResults: () => Results;
}>('figures.mjs');
const { computeScaling } = await load<{ readonly computeScaling: (measured: Results) => object }>(
  'scaling/compute-scaling.mjs',
);
const results = readResults();

describe('figures of documents', () => {
  test.each(DOCUMENTS)('those of %s are those of the result files', (document) => {
    const text = readFileSync(join(root, document), 'utf8');
    expect(text).toContain('<!-- figures:');
    expect(text).toBe(fillFigures(text, results));
  });

  test('a figure that was changed by hand, or that no result has, is noticed', () => {
    const block = (name: string): string => `a\n<!-- figures:${name} -->\n7 seconds\n<!-- end -->\nb`;
    expect(fillFigures(block('million'), results)).not.toContain('7 seconds');
    expect(() => fillFigures(block('nothing'), results)).toThrow('no figures are named nothing');
  });

  test('speeds stand nowhere else in these documents', () => {
    const speed = /\b\d[\d,.]*(?: images)? (?:a|per) second\b|\b\d[\d,.]* (?:ms|seconds)\b/gu;
    const outside = DOCUMENTS.flatMap((document) => {
      const text = readFileSync(join(root, document), 'utf8').replaceAll(
        /<!-- figures:[^]*?<!-- end -->/gu,
        '',
      );
      return Array.from(text.matchAll(speed), ([found]) => `${document}: ${found}`);
    });
    expect(outside.filter((found) => !ALLOWED.has(found))).toEqual([]);
  });
});

/** Limits and durations that are not measurements. */
const ALLOWED = new Set(['src/api/REFERENCE.md: 10 seconds', 'src/storage/REFERENCE.md: 45 seconds']);

describe('result files', () => {
  test.each(Object.keys(results))('%s names machine, commit and date', (name) => {
    expect(results[name]?.machine).toMatchObject({
      cores: expect.any(Number),
      cpu: expect.any(String),
      node: expect.stringMatching(/^\d+\.\d+\.\d+$/u),
      commit: expect.stringMatching(/^[0-9a-f]{10}$/u),
      date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/u),
    });
  });

  test('what is computed from others is what they give', () => {
    const { jobs = {}, workers = {}, million = {}, scaling } = results;
    expect(JSON.parse(JSON.stringify(computeScaling({ jobs, workers, million })))).toEqual(scaling);
  });
});
