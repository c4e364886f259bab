import { describe } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { testSubmissions } from './submission-suite.ts';

describe('accepted runs in a folder', () => {
  testSubmissions(async (count) => {
    const folder = await makeTestFolder();
    return Array.from({ length: count }, () => openLocalStore(folder));
  });
});
