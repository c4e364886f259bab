import { describe } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { testSubmissions } from '../run/submission-suite.ts';
import { hasS3, openTestStore } from './s3-fixture.ts';

describe.skipIf(!hasS3)('accepted runs on S3', () => {
  testSubmissions(async (count) => {
    const first = await openTestStore();
    return [first, ...Array.from({ length: count - 1 }, () => openStore(first.uri, first.s3))];
  });
});
