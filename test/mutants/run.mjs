// The mutation check: one small fault after the other is put into the code, and the tests have to notice.
//
//   npm run test:mutants -- run                      all files of src/run/, against the tests in test/run/
//   npm run test:mutants -- src/run/success.ts       one file
//   npm run test:mutants -- table --own              against the tests of the same names only, which is quick
//   npm run test:mutants -- sandbox --with cli,api   with the tests of other rooms as well
//   npm run test:mutants -- storage --with s3        with a slower suite, that is a folder of test/ with a vitest.config.ts
//   npm run test:mutants -- run --share 0.2 --seed a  a fifth of the faults, the same ones for the same seed
//   npm run test:mutants -- --touched                a sample of what the last commits touched, against the tests of the same names
//
// Prints the faults that no test noticed, and for each file how many were. Fails if less than the goal were.
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { addMutators, makeOnly, makeShare } from './more-mutators.mjs';
import { EVERYWHERE, ROUND, SUITE } from './own-tests.mjs';

/** Per cent of faults that the tests have to notice: where data could be lost, and elsewhere. */
const GOAL = { table: 85, run: 85, work: 85, ingest: 85, maintenance: 85, storage: 85, executor: 85 };
const OTHER_GOAL = 75;

/** Commits whose files a sample is taken from; and how many of these, and faults in them, three minutes suffice for. */
const TOUCHING_COMMITS = 20;
const SAMPLE_FILES = 8;
const SAMPLE_FAULTS = 80;

/** Faults that a line has on average. */
const FAULTS_PER_LINE = 0.7;

/** Rooms whose code runs in threads and processes that tests start, where Stryker cannot see which test meets which line. */
const STARTERS = new Set(['executor', 'sandbox']);

const root = join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    touched: { type: 'boolean', default: false },
    own: { type: 'boolean', default: false },
    with: { type: 'string', default: '' },
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '' },
  },
});

const roomOf = (file) => file.split('/')[1].replace(/\.ts$/u, '');
const testOf = (file) => file.replace(/^src/u, 'test').replace(/\.ts$/u, '.test.ts');
const read = (file) => readFileSync(join(root, file), 'utf8');
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** Files of a room, or the file itself. */
function filesOf(name) {
  if (existsSync(join(root, name)) && name.endsWith('.ts')) return [relative(root, join(root, name))];
  const room = join('src', name.replace(/^src\//u, ''));
  if (!existsSync(join(root, room))) throw new Error(`${name} is neither a file nor a room of src/`);
  return readdirSync(join(root, room), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(room, file));
}

/** Some of the files that the last commits touched and that have a test of their name, and some of their faults; which, the newest commit decides. */
function sampleTouched() {
  const seed = git('rev-parse', 'HEAD');
  const touched = git('log', `-${TOUCHING_COMMITS}`, '--format=', '--name-only', '--', 'src').split('\n');
  const files = [...new Set(touched)].filter(
    (file) => existsSync(join(root, file)) && existsSync(join(root, testOf(file))),
  );
  const drawn = files
    .toSorted((a, b) => hash('md5', seed + a).localeCompare(hash('md5', seed + b)))
    .slice(0, SAMPLE_FILES);
  const lineCount = drawn.reduce((sum, file) => sum + read(file).split('\n').length, 0);
  makeShare(SAMPLE_FAULTS / (lineCount * FAULTS_PER_LINE), seed);
  return drawn;
}

/** Puts faults into files and gives what became of each when it met the tests of one round, which are unit tests where no suite is named. */
async function mutate(files, testFiles, round, suite = 'unit') {
  process.env[ROUND] = round;
  process.env[SUITE] = suite;
  if (files.some((file) => STARTERS.has(roomOf(file)))) process.env[EVERYWHERE] = '1';
  const stryker = new Stryker({
    mutate: files,
    testFiles,
    testRunner: 'vitest',
    vitest: { configFile: 'test/mutants/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    ignoreStatic: round === 'others',
    buildCommand: 'npm run build',
    // Stryker reads it with an interface that TypeScript 7 has not.
    tsconfigFile: 'none.json',
    disableTypeChecks: 'src/**/*.ts',
    // Texts are for people; tests assert those that matter by their codes.
    mutator: { excludedMutations: ['StringLiteral'] },
    ignorePatterns: ['/dist', '/lake', '!/lake/models', '/benchmarks/results', '/notebooks'],
    // Beside another suite in CI.
    concurrency: values.touched ? 1 : availableParallelism(),
    timeoutMS: 10_000,
    reporters: values.touched ? [] : [process.stdout.isTTY ? 'progress' : 'progress-append-only'],
    tempDirName: '.mutants',
    logLevel: 'error',
  });
  return stryker.runMutationTest();
}

const keyOf = ({ fileName, location, mutatorName, replacement }) =>
  JSON.stringify([relative(root, fileName), location, mutatorName, replacement]);

const NOTICED = new Set(['Killed', 'Timeout', 'RuntimeError']);
const COUNTED = new Set([...NOTICED, 'Survived', 'NoCoverage']);
const isUnnoticed = ({ status }) => COUNTED.has(status) && !NOTICED.has(status);

const isSuite = (room) => existsSync(join(root, 'test', room, 'vitest.config.ts'));

/** Lets faults in files meet the tests of their names, and those that survive the others of some rooms, and then those of each slower suite. */
async function judge(files, rooms) {
  const own = files.map(testOf).filter((test) => existsSync(join(root, test)));
  let results = await mutate(files, own, 'own');
  const units = rooms.filter((room) => !isSuite(room)).map((room) => `test/${room}/**/*.test.ts`);
  const rounds = [
    ...(units.length > 0 ? [[units]] : []),
    ...rooms.filter(isSuite).map((suite) => [[`test/${suite}/*.${suite}.ts`], suite]),
  ];
  for (const [tests, suite] of rounds) {
    const left = results.filter(isUnnoticed);
    if (left.length === 0) break;
    makeOnly(left);
    const later = await mutate(files, tests, 'others', suite);
    const verdicts = new Map(later.map((result) => [keyOf(result), result]));
    results = results.map((result) => {
      const other = verdicts.get(keyOf(result));
      return isUnnoticed(result) && other !== undefined && COUNTED.has(other.status) ? other : result;
    });
  }
  return results;
}

function describe({ fileName, location: { start }, status, mutatorName, replacement }) {
  const file = relative(root, fileName);
  const line = read(file).split('\n')[start.line - 1]?.trim();
  const short = (replacement ?? '').replaceAll(/\s+/gu, ' ').slice(0, 80);
  return `${file}:${start.line}:${start.column} ${status} ${mutatorName}\n    ${line}\n    -> ${short}`;
}

function printReport(results) {
  const counted = results.filter(({ status }) => COUNTED.has(status));
  for (const result of counted.filter(isUnnoticed)) console.log(describe(result));
  const missed = [];
  for (const groupOf of [
    ({ fileName }) => relative(root, fileName),
    ({ fileName }) => roomOf(relative(root, fileName)),
  ]) {
    console.log('');
    for (const name of new Set(counted.map(groupOf))) {
      const all = counted.filter((result) => groupOf(result) === name);
      const noticed = all.length - all.filter(isUnnoticed).length;
      const share = (100 * noticed) / all.length;
      console.log(`${share.toFixed(1).padStart(5)} %  ${noticed} of ${all.length} noticed  ${name}`);
      if (!name.endsWith('.ts') && share < (GOAL[name] ?? OTHER_GOAL)) missed.push(name);
    }
  }
  return missed;
}

await addMutators();
makeShare(Number(values.share), values.seed);
const files = values.touched ? sampleTouched() : positionals.flatMap(filesOf);
const isOwnOnly = values.touched || values.own;
const rooms = isOwnOnly
  ? []
  : [...new Set([...files.map(roomOf), ...values.with.split(',').filter(Boolean)])];
if (files.length === 0) throw new Error('name a room or a file of src/');
// Some faults leave folders behind.
const temporary = await mkdtemp(join(tmpdir(), 'pixlake-mutants-'));
process.env.TMPDIR = temporary;
let missed;
try {
  missed = printReport(await judge(files, rooms));
} finally {
  await rm(temporary, { recursive: true, force: true });
}
if (missed.length > 0 && !values.touched) {
  console.log(`\nbelow the goal: ${missed.join(', ')}`);
  process.exitCode = 1;
}
