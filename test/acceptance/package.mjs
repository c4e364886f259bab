// Packs pixlake, installs the package into empty folders as its users do, and runs it from elsewhere.
//
//   node test/acceptance/package.mjs [node …]    with these executables of Node; by default the one that runs this
//
// With each Node, install scripts are on in one folder and off in another. ONNX Runtime is not there at first, and added last. Prints the size
// of what was installed, and fails at the first warning of npm, message on standard error, or wrong answer.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../..');
const nodes =
  process.argv.length > 2 ? process.argv.slice(2).map((path) => resolve(path)) : [process.execPath];
const work = mkdtempSync(join(tmpdir(), 'pixlake-package-'));

/** The environment of somebody who has this Node first, and no settings of npm from the script that runs this. */
function envOf(node) {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/iu.test(name));
  return { ...Object.fromEntries(own), PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
}

/** Runs a program in a folder; fails if it does or, unless told otherwise, if it says anything on standard error. */
function call(node, cwd, command, args, { code = 0, isQuiet = true } = {}) {
  const ended = spawnSync(command, args, { cwd, env: envOf(node), encoding: 'utf8', maxBuffer: 64 << 20 });
  assert.equal(ended.status, code, `${command} ${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`);
  if (isQuiet) assert.equal(ended.stderr, '', `${command} ${args.join(' ')}`);
  return ended.stdout + ended.stderr;
}

function install(node, folder, packages, options) {
  const told = call(node, folder, 'npm', ['install', ...packages, ...options], { isQuiet: false });
  assert.doesNotMatch(told, /warn|deprecated|error/iu);
}

/** Blocks of code of a document, in a language. */
function blocksOf(document, language) {
  const blocks = readFileSync(join(root, document), 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gmsu);
  return Array.from(blocks).flatMap(([, name, code]) => (name === language ? [code] : []));
}

function newFolder(name) {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The package in an empty folder of one Node, used from another folder. */
function tryPackage(node, tarball, areScriptsOn) {
  const version = call(node, work, node, ['--version']).trim();
  const name = `${version}-scripts-${areScriptsOn ? 'on' : 'off'}`;
  const app = newFolder(join(name, 'app'));
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }\n');
  install(node, app, [tarball], ['--engine-strict', `--ignore-scripts=${!areScriptsOn}`]);
  const installed = execFileSync('du', ['-sm', join(app, 'node_modules')], { encoding: 'utf8' }).split(
    '\t',
  )[0];
  console.log(`${name}: ${installed} MB installed`);
  const elsewhere = newFolder(join(name, 'elsewhere'));
  const pixlake = join(app, 'node_modules/.bin/pixlake');
  assert.match(call(node, elsewhere, pixlake, ['--version']), /^\d+\.\d+\.\d+\n$/u);
  assert.match(call(node, elsewhere, pixlake, ['demo', '--rows', '60']), /without labels.*npm install/su);
  const query = ['query', 'SELECT count(*) > 50 AS isFull FROM images', '--lake', 'lake/demo/lake', '--json'];
  assert.deepEqual(JSON.parse(call(node, elsewhere, pixlake, query)), [{ isFull: true }]);
  const labels = ['run', '--name', 'l', '--sql', 'SELECT id FROM images', '--model', 'fashion-tiny'];
  const refused = call(node, elsewhere, pixlake, [...labels, '--lake', 'lake/demo/lake'], {
    code: 70,
    isQuiet: false,
  });
  assert.match(refused, /MODEL_RUNTIME_MISSING/u);
  return { app, elsewhere, pixlake, remedy: /npm (install .*)/u.exec(refused)?.[1]?.trim().split(' ') ?? [] };
}

/** The documents' programs, as JavaScript and under the strict compiler of TypeScript. */
function tryPrograms(node, { app, elsewhere }) {
  const blocks = ['README.md', 'src/lakehouse/REFERENCE.md'].flatMap((document) => blocksOf(document, 'ts'));
  assert.ok(blocks.length >= 3);
  call(node, app, join(app, 'node_modules/.bin/pixlake'), ['sample', 'catalogue', '--rows', '60']);
  for (const [index, code] of blocks.entries()) {
    writeFileSync(join(app, `program-${index}.ts`), code);
    writeFileSync(join(app, `program-${index}.mjs`), code);
    call(node, app, node, [`program-${index}.mjs`]);
  }
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const compiler = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  install(node, app, compiler, ['--save-dev']);
  const programs = readdirSync(app).filter((name) => /^program-\d+\.ts$/u.test(name));
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  call(node, app, 'npx', ['tsc', ...options, ...programs]);
  console.log(`${blocks.length} programs of the documents run and compile, last in ${elsewhere}`);
}

try {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', work], {
      cwd: root,
      encoding: 'utf8',
    }),
  );
  const tarball = join(work, packed.filename);
  console.log(
    `${packed.filename}: ${packed.files.length} files, ${Math.round(packed.unpackedSize / 1e5) / 10} MB`,
  );
  for (const node of nodes) {
    for (const areScriptsOn of [true, false]) {
      const tried = tryPackage(node, tarball, areScriptsOn);
      if (node !== nodes[0] || areScriptsOn) continue;
      tryPrograms(node, tried);
      install(node, tried.app, [], tried.remedy.slice(1));
      assert.match(call(node, tried.elsewhere, tried.pixlake, ['demo', '--rows', '60']), /pred_articleType/u);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
