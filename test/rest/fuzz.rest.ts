import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startServer, type TestServer } from '../api/server-fixture.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';

/** Fuzzes the routes by their OpenAPI description: https://schemathesis.readthedocs.io */
const PACKAGE = 'schemathesis==4.32.5';

/** How long in all; PIXLAKE_FUZZ_SECONDS changes it. */
const SECONDS = Number(process.env['PIXLAKE_FUZZ_SECONDS'] ?? 60);

/** A server error is a defect, and so is an answer that the description does not tell of. */
const CHECKS =
  'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';

/** Names that are there: made-up ones get no further than a 404. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  table: ['images', 'runs.seed'],
  '/v1/runs': ['seed'],
  '/v1/tables': ['1', '2', '3', '99'],
};

interface Parameter {
  readonly name: string;
  readonly in: string;
  schema: object;
}

interface Description {
  readonly paths: Record<string, Record<string, { readonly parameters?: Parameter[] }>>;
}

let folder: string;
let server: TestServer;
let fuzzer: string | undefined;

/** Installs the fuzzer. Where Python is not here the tests skip, but fail if CI is set. */
function installFuzzer(): string | undefined {
  try {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], { stdio: 'pipe' });
  } catch (error) {
    if (process.env['CI']) throw error;
    return undefined;
  }
  const bin = join(folder, 'venv/bin');
  execFileSync(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', PACKAGE]);
  return join(bin, 'schemathesis');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-fuzz-'));
  fuzzer = installFuzzer();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 20));
  server = await startServer(lake, '--query-timeout', '5s');
  await server.post('/v1/runs', { name: 'seed', sql: 'SELECT id FROM images WHERE id <= 3' });
  await eventually(async () => (await server.get('/v1/runs/seed/manifest')).ok, 'the run is finished');
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function describeKnown(): Promise<string> {
  const description = (await (await server.get('/openapi.json')).json()) as Description;
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const { parameters = [] } of Object.values(methods)) {
      for (const parameter of parameters.filter((each) => each.in === 'path')) {
        const prefix = Object.keys(KNOWN).find((known) => path.startsWith(known)) ?? '';
        const values = KNOWN[parameter.name] ?? KNOWN[prefix];
        if (values !== undefined) parameter.schema = { enum: values };
      }
    }
  }
  const file = join(folder, 'known.json');
  await writeFile(file, JSON.stringify(description));
  return file;
}

/** Not synchronously: the server would wait for somebody to read its log. */
async function fuzz(program: string, args: readonly string[]): Promise<{ isClean: boolean; stdout: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ isClean: error === null, stdout: stdout + stderr }),
    );
  });
}

describe('fuzzing by the OpenAPI description', () => {
  test.for(['made-up names', 'names that are there'])('finds no defect, with %s', async (kind, { skip }) => {
    if (fuzzer === undefined) return skip('python3 with venv is not here');
    const location = kind === 'made-up names' ? `${server.url}/openapi.json` : await describeKnown();
    const args = ['run', location, '--url', server.url, '--checks', CHECKS, '--seed', '1', '--no-color'];
    // Events of a run may go on for longer than anybody waits.
    args.push('--exclude-path', '/v1/runs/{id}/events', '--request-timeout', '30', '--warnings', 'off');
    args.push('--max-time', String(Math.ceil(SECONDS / 2)), '-n', String(Math.max(25, SECONDS)));
    const { isClean, stdout } = await fuzz(fuzzer, args);
    expect(isClean, stdout.slice(-8000)).toBe(true);
    const [, count = '0'] = /Test cases:\s+(\d[\d,]*) generated/u.exec(stdout) ?? [];
    expect(Number(count.replaceAll(',', ''))).toBeGreaterThan(100);
    console.log(`${count} requests, with ${kind}`);
    expect((await server.get('/readyz')).status).toBe(200);
    expect(server.log()).not.toContain('"level":50');
  });
});
