import { expect, test, vi } from 'vitest';
import { printRemoval } from '../../src/cli/removal-report.ts';

const TAKEN = { folder: 'runs/a', fileCount: 1200, sizeBytes: 1500 };
const KEPT = { folder: 'runs/b', fileCount: 1, sizeBytes: 7, reason: 'table t refers to them' };
const NOTHING = { folder: 'runs/c', fileCount: 0, sizeBytes: 0 };

function linesOf(report: Parameters<typeof printRemoval>[0]): string[] {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    printRemoval(report);
    return write.mock.calls.map(([text]) => String(text).trimEnd());
  } finally {
    write.mockRestore();
  }
}

test('a removal tells what went, what stayed and why, and what can no longer be retried', () => {
  const report = { removed: [TAKEN, NOTHING], kept: [KEPT], notRetriable: ['x', 'y'] };
  expect(linesOf({ ...report, isDryRun: false })).toEqual([
    'removed runs/a: 1,200 files (1.5 kB)',
    'kept 1 files (7 B) of runs/b: table t refers to them',
    'failed images of these runs can no longer be retried: x, y',
  ]);
  expect(linesOf({ ...report, isDryRun: true })).toEqual([
    'would remove runs/a: 1,200 files (1.5 kB)',
    'would keep 1 files (7 B) of runs/b: table t refers to them',
    'failed images of these runs can then no longer be retried: x, y',
  ]);
});

test('a removal of nothing says so', () => {
  const report = { removed: [NOTHING], kept: [], notRetriable: [] };
  expect(linesOf({ ...report, isDryRun: false })).toEqual(['nothing was removed']);
  expect(linesOf({ ...report, isDryRun: true })).toEqual(['nothing would be removed']);
});
