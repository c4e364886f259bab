import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A call whose result nobody uses is left out, as in `await store.delete(key);`. */
const removedCall = {
  name: 'RemovedCall',
  *mutate(path) {
    if (!path.isExpressionStatement()) return;
    let { expression } = path.node;
    if (expression.type === 'UnaryExpression' || expression.type === 'AwaitExpression')
      expression = expression.argument;
    if (expression.type === 'CallExpression') yield { type: 'EmptyStatement' };
  },
};

/** What is awaited is only begun. */
const removedAwait = {
  name: 'RemovedAwait',
  *mutate(path) {
    if (path.isAwaitExpression()) yield structuredClone(path.node.argument);
  },
};

const UNDEFINED = { type: 'Identifier', name: 'undefined' };
const isSignal = (node) =>
  (node.type === 'Identifier' && node.name === 'signal') ||
  (node.type === 'MemberExpression' && node.property.name === 'signal');

/** Work that is handed over cannot be stopped. */
const droppedSignal = {
  name: 'DroppedSignal',
  *mutate(path) {
    if (path.isCallExpression() && path.node.arguments.some(isSignal)) {
      const call = structuredClone(path.node);
      call.arguments = call.arguments.map((argument) => (isSignal(argument) ? UNDEFINED : argument));
      yield call;
    }
    if (path.isObjectExpression()) {
      const object = structuredClone(path.node);
      object.properties = object.properties.filter(
        ({ type, value }) => type !== 'ObjectProperty' || !isSignal(value),
      );
      if (object.properties.length < path.node.properties.length) yield object;
    }
  },
};

/** A default that is a number is one more. */
const otherDefault = {
  name: 'OtherDefault',
  *mutate(path) {
    const { node, parent } = path;
    if (path.isNumericLiteral() && parent.type === 'AssignmentPattern' && parent.right === node)
      yield { type: 'NumericLiteral', value: node.value + 1 };
  },
};

let wanted;

/** A number from 0 to 1 that hangs on a text alone. */
const lotOf = (text) => hash('md5', text, 'buffer').readUInt32LE() / 2 ** 32;

/** Where a fault is made, and which: the same in every run, which numbers of faults are not. */
const keyOf = (file, { start }, name) => [file, start.line, start.column, name].join(' ');

let share = { of: 1, seed: '' };

/** Lets about this share of all faults be made, the same ones for the same seed. */
export function makeShare(of, seed) {
  share = { of, seed };
}

/** Lets only some faults be made from now on, given as Stryker reports them. */
export function makeOnly(mutants) {
  // Stryker counts columns from 1 in what it reports, Babel from 0.
  wanted = new Set(
    mutants.map(({ fileName, location: { start }, mutatorName }) =>
      keyOf(fileName, { start: { line: start.line, column: start.column - 1 } }, mutatorName),
    ),
  );
}

/** Adds faults to those of Stryker, which has no interface for it: to the list that its instrumenter reads. */
export async function addMutators() {
  const core = fileURLToPath(import.meta.resolve('@stryker-mutator/core'));
  const instrumenter = createRequire(core).resolve('@stryker-mutator/instrumenter');
  const list = pathToFileURL(join(dirname(instrumenter), 'mutators/mutate.js')).href;
  const { allMutators } = await import(list);
  allMutators.push(removedCall, removedAwait, droppedSignal, otherDefault);
  for (const mutator of allMutators) {
    const { name, mutate } = mutator;
    mutator.mutate = function* mutateWanted(path) {
      const { filename } = path.hub.file.opts;
      const key = keyOf(filename, path.node.loc, name);
      const isWanted = wanted?.has(key) ?? lotOf(share.seed + key) < share.of;
      if (isWanted) yield* mutate.call(mutator, path);
    };
  }
}
