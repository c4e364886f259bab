import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from '../errors.ts';
import type { RunService } from '../run/run-service.ts';
import type { QuerySandbox } from '../sandbox/query-sandbox.ts';

/** Metrics of a server for Prometheus. */
export interface Metrics {
  observeRequest(labels: { method: string; route: string; status: number }, seconds: number): void;
  countProblem(code: ErrorCode): void;
  countBytes(kind: 'query' | 'image', byteCount: number): void;
  countImages(outcome: 'made' | 'failed', count: number): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** Makes the metrics of one server. */
export function createMetrics(sandbox: QuerySandbox, runs: Pick<RunService, 'counts'>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'pixlake_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const problems = new Counter({
    name: 'pixlake_problems_total',
    help: 'Requests that ended in a problem, by code.',
    labelNames: ['code'],
    registers,
  });
  const bytes = new Counter({
    name: 'pixlake_sent_bytes_total',
    help: 'Bytes of query results and images sent.',
    labelNames: ['kind'],
    registers,
  });
  const images = new Counter({
    name: 'pixlake_processed_images_total',
    help: 'Images that POST /v1/process made or failed to make.',
    labelNames: ['outcome'],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('pixlake_query_slots', 'Query processes.', () => sandbox.status.slotCount);
  gauge('pixlake_query_slots_busy', 'Query processes with a query.', () => sandbox.status.busyCount);
  gauge('pixlake_queries_waiting', 'Queries waiting for a process.', () => sandbox.status.waitingCount);
  gauge('pixlake_runs_queued', 'Runs waiting.', () => runs.counts.queued);
  gauge('pixlake_runs_running', 'Runs in progress.', () => runs.counts.running);
  return {
    observeRequest: ({ method, route, status }, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    countProblem: (code) => problems.inc({ code }),
    countBytes: (kind, byteCount) => bytes.inc({ kind }, byteCount),
    countImages: (outcome, count) => images.inc({ outcome }, count),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
