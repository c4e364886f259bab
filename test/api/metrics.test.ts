import { expect, test } from 'vitest';
import { createMetrics } from '../../src/api/metrics.ts';
import type { QuerySandbox } from '../../src/sandbox/query-sandbox.ts';

test('metrics count what they are told, and look at the sandbox and the runs when they are read', async () => {
  const status = { slotCount: 4, busyCount: 3, waitingCount: 2, confinement: 'none' };
  const runs = { counts: { queued: 7, running: 1 } };
  const metrics = createMetrics({ status } as QuerySandbox, runs);
  metrics.observeRequest({ method: 'GET', route: '/healthz', status: 200 }, 0.02);
  metrics.observeRequest({ method: 'GET', route: '/healthz', status: 200 }, 3);
  metrics.countProblem('SQL_FAILED');
  metrics.countBytes('query', 100);
  metrics.countBytes('query', 11);
  metrics.countBytes('image', 5);
  metrics.countImages('made', 3);
  metrics.countImages('failed', 2);
  const valuesOf = async (): Promise<Record<string, number>> => {
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('pixlake_'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    );
  };
  const labels = 'method="GET",route="/healthz",status="200"';
  const found = await valuesOf();
  expect(found).toMatchObject({
    'pixlake_problems_total{code="SQL_FAILED"}': 1,
    'pixlake_sent_bytes_total{kind="query"}': 111,
    'pixlake_sent_bytes_total{kind="image"}': 5,
    'pixlake_processed_images_total{outcome="made"}': 3,
    'pixlake_processed_images_total{outcome="failed"}': 2,
    pixlake_query_slots: 4,
    pixlake_query_slots_busy: 3,
    pixlake_queries_waiting: 2,
    pixlake_runs_queued: 7,
    pixlake_runs_running: 1,
    [`pixlake_http_request_duration_seconds_count{${labels}}`]: 2,
    [`pixlake_http_request_duration_seconds_sum{${labels}}`]: 3.02,
  });
  const buckets = Object.entries(found).filter(([name]) => name.includes('_bucket{'));
  expect(buckets.map(([name, count]) => [/le="([^"]+)"/u.exec(name)?.[1], count])).toEqual([
    ...['0.005', '0.01'].map((bound) => [bound, 0]),
    ...['0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5'].map((bound) => [bound, 1]),
    ...['5', '10', '30', '+Inf'].map((bound) => [bound, 2]),
  ]);
  status.busyCount = 0;
  runs.counts.running = 0;
  expect(await valuesOf()).toMatchObject({ pixlake_query_slots_busy: 0, pixlake_runs_running: 0 });
  expect(await metrics.text()).toContain('process_cpu_seconds_total');
  expect(metrics.contentType).toContain('text/plain');
});
