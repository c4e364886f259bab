import { expect, test } from 'vitest';
import { describeIngest } from '../../src/cli/describe-ingest.ts';
import type { IngestReport } from '../../src/ingest/ingest-spec.ts';

const REPORT: IngestReport = {
  table: 'images',
  schema: 'infer',
  rowCount: 1234,
  ingestedCount: 1234,
  withoutImageCount: 0,
  rejectedCount: 0,
  repairedCount: 0,
  addedCount: 1000,
  changedCount: 200,
  unchangedCount: 34,
  imagesWithoutRowCount: 0,
  imageStatusCounts: { ok: 1234 },
  storedBytes: 5000,
  version: 3,
  isCommitted: true,
  newColumns: [],
  lists: {},
  durationMs: 1500,
};

test('an ingest tells its counts, the version of its table and what it stored', () => {
  expect(describeIngest(REPORT, 's3://bucket/lake')).toEqual([
    '1234 rows = 1234 ingested + 0 without image + 0 rejected',
    'table images is at version 3: 1,000 added, 200 changed, 34 unchanged',
    '5.0 kB of originals stored in 1.5 s',
  ]);
});

test.each<[string, Partial<IngestReport>, RegExp]>([
  ['that nothing was new', { isCommitted: false }, /^nothing new: table images stays at version 3$/mu],
  ['new columns', { newColumns: ['a', 'b'] }, /^new columns, null in older rows: a, b$/mu],
  ['rows that it repaired', { repairedCount: 1 }, /^1 rows repaired: their extra commas/mu],
  [
    'images that cannot be read',
    { imageStatusCounts: { ok: 1, corrupt: 2, empty: 3 }, lists: { brokenImages: 'ingests/b.csv' } },
    /^images that cannot be read: 2 corrupt, 3 empty .* see s3:\/\/l\/ingests\/b\.csv\)$/mu,
  ],
  [
    'where rows without image are listed',
    { lists: { withoutImage: 'ingests/w.csv' } },
    /^rows without image: s3:\/\/l\/ingests\/w\.csv$/mu,
  ],
  [
    'where rejected rows are listed',
    { lists: { rejects: 'ingests/r.csv' } },
    /^rejected rows: s3:\/\/l\/ingests\/r\.csv$/mu,
  ],
  [
    'where files without a row are listed',
    { imagesWithoutRowCount: 2000, lists: { imagesWithoutRow: 'ingests/f.csv' } },
    /^2,000 files without a row: s3:\/\/l\/ingests\/f\.csv$/mu,
  ],
])('an ingest tells %s', (_, fields, line) => {
  expect(describeIngest(REPORT, 's3://l').join('\n')).not.toMatch(line);
  expect(describeIngest({ ...REPORT, ...fields }, 's3://l').join('\n')).toMatch(line);
});
