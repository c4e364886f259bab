import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunReport, RunStatus } from '../../src/index.ts';
import { startServer } from '../api/server-fixture.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { claimPng } from '../support/draw-images.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

/** Limits within which lies an image that no machine holds. */
const LIMITS = ['--max-pixels', '1000000000000', '--max-image-memory', '8000000GB'];

/** Interlaced, so that a decoder has to hold all of its 2.4 terabytes. */
const GIANT = claimPng(900_000, 900_000, true);

async function makeSource(): Promise<{ source: string; lake: string }> {
  const folder = await makeTestFolder();
  const lines = [1, 2, 3].map((id) => csvLine({ id }));
  const source = await writeCatalogue(join(folder, 'source'), lines, {
    '1.jpg': await drawJpeg(1),
    '2.png': GIANT,
    '3.jpg': await drawJpeg(3),
  });
  return { source, lake: join(folder, 'lake') };
}

describe('an image within the limits that this machine cannot hold', () => {
  test('is no row of an ingest, which fails before it commits', async () => {
    const { source, lake } = await makeSource();
    const { code, stderr } = await pixlake(lake, 'ingest', source, ...LIMITS, '--json');
    expect(code).toBe(70);
    expect(stderr).toContain('WORKER_TOO_SMALL');
    expect(stderr).toContain('maxImageMemory');
    expect(await readdir(join(lake, 'tables')).catch(() => [])).toEqual([]);
  });

  test('is no error of a run, which fails by that name and can be resumed elsewhere', async () => {
    const { source, lake } = await makeSource();
    await pixlakeJson(lake, 'ingest', source);
    const run = ['run', '--name', 'r', '--sql', 'SELECT id FROM images', '--shard-size', '1'];
    const { code, stderr } = await pixlake(lake, ...run, ...LIMITS, '--workers', '1', '--json');
    expect(code).toBe(70);
    expect(stderr).toContain('WORKER_TOO_SMALL');
    const status = await pixlakeJson<RunStatus>(lake, 'runs', 'show', 'r');
    expect(status).toMatchObject({ state: 'unfinished', errorCount: 0 });
    expect(status.finishedShardCount).toBeLessThan(3);
    // With limits that a machine can keep, it is an error as any other.
    run[2] = 'lower';
    expect(await pixlakeJson<RunReport>(lake, ...run)).toMatchObject({ imageCount: 2, errorCount: 1 });
    expect(await pixlakeJson(lake, 'query', 'SELECT id, code FROM errors.lower')).toEqual([
      { id: '2', code: 'IMAGE_TOO_LARGE' },
    ]);
  });

  test('is the fault of the server over REST', async () => {
    const { lake, source } = await makeSource();
    await writeFile(join(source, 'images/2.png'), await drawJpeg(2));
    await pixlakeJson(lake, 'ingest', source);
    const server = await startServer(lake);
    try {
      const response = await fetch(
        `${server.url}/v1/process?maxPixels=1000000000000&maxImageMemory=8000000000000000`,
        { method: 'POST', headers: { 'content-type': 'image/png' }, body: new Uint8Array(GIANT) },
      );
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'WORKER_TOO_SMALL' });
    } finally {
      await server.stop();
    }
  });
});
