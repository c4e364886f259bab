import type { Command } from 'commander';
import { openLog } from '../config.ts';
import type { SandboxLimits } from '../sandbox/sandbox-limits.ts';
import { type LakeOptions, openLake, withStoreOptions } from './lake-options.ts';
import { byteSize, duration, wholeNumber } from './option-values.ts';
import { interruptible } from './interruptible.ts';

interface Options extends LakeOptions {
  readonly host: string;
  readonly port: number;
  readonly apiKeys?: string;
  readonly cors?: readonly string[];
  readonly allowOutput?: readonly string[];
  readonly runsAtOnce: number;
  readonly leaveRuns?: boolean;
  readonly querySlots?: number;
  readonly queryTimeout?: number;
  readonly queryMemory?: number;
  readonly maxRows?: number;
  readonly requestsPerMinute?: number;
  readonly requestsAtOnce?: number;
}

/** `pixlake serve`: answers REST requests on a lake until it is stopped. */
export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .summary('serve the lake over REST')
    .description(
      'Serves the lake over REST: SQL in; rows, images and manifests out. The routes are described at /docs. SQL of clients can only read tables, and each query runs in its own process with limits. Without --api-keys only this machine is served.',
    )
    .option(
      '--host <address>',
      'address to bind to; addresses other than loopback need --api-keys',
      '127.0.0.1',
    )
    .option('--port <n>', 'port to listen on; 0 means any free port', wholeNumber(0), 7070)
    .option('--api-keys <file>', 'file of the API keys; see `pixlake keys`')
    .option(
      '--cors <origin...>',
      'origins of web pages that may call the server, such as https://example.org',
    )
    .option('--allow-output <uri...>', 'roots of other lakes that runs may write to')
    .option('--runs-at-once <n>', 'runs in progress at once; others wait', wholeNumber(1), 1)
    .option('--leave-runs', 'do not resume unfinished runs of an earlier server; show them as interrupted')
    .option('--query-slots <n>', 'query processes (default: one per core, at least 2)', wholeNumber(1))
    .option('--query-timeout <duration>', 'maximum time of a query (default: 30s)', duration)
    .option(
      '--query-memory <size>',
      'memory of each query process (default: half of the machine for all, at most 2GB each)',
      byteSize,
    )
    .option('--max-rows <n>', 'maximum number of rows of a result (default: 1000000)', wholeNumber(1))
    .option(
      '--requests-per-minute <n>',
      'requests per minute for each key; 0 means no limit (default: 600; no limit without keys)',
      wholeNumber(0),
    )
    .option(
      '--requests-at-once <n>',
      'requests at once for each key or address (default: 64)',
      wholeNumber(1),
    )
    .option('--workers <n>', 'worker threads of a run (default: one per core)', wholeNumber(1));
  withStoreOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake serve
  $ curl localhost:7070/v1/query -H 'content-type: application/json' -d '{"sql": "SELECT count(*) FROM images"}'
  $ pixlake keys create --name notebook --scope read --file keys.json
  $ pixlake serve --host 0.0.0.0 --api-keys keys.json --lake s3://bucket/lake`,
    )
    .action(async (options: Options) => {
      if (process.env['PIXLAKE_LOG_LEVEL'] === undefined) openLog().level = 'info';
      const lakehouse = await openLake(options);
      // Loaded here, so the other commands start faster.
      const { createServer } = await import('../api/server.ts');
      await interruptible(async (signal) => {
        await using server = await createServer(lakehouse, {
          ...options,
          apiKeysPath: options.apiKeys,
          corsOrigins: options.cors ?? [],
          allowedOutputs: options.allowOutput ?? [],
          resumesRuns: options.leaveRuns !== true,
          limits: toLimits(options),
        });
        const { url, recovered } = await server.listen(options);
        const taken = recovered.length === 0 ? '' : `, resuming ${recovered.join(', ')}`;
        process.stdout.write(`pixlake serves ${lakehouse.uri} at ${url} (see ${url}/docs)${taken}\n`);
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
      });
    });
}

function toLimits({ querySlots, queryTimeout, queryMemory, maxRows }: Options): Partial<SandboxLimits> {
  return {
    ...(querySlots === undefined ? {} : { slots: querySlots }),
    ...(queryTimeout === undefined ? {} : { timeoutMs: queryTimeout }),
    ...(queryMemory === undefined ? {} : { memoryBytes: queryMemory }),
    ...(maxRows === undefined ? {} : { maxRows }),
  };
}
