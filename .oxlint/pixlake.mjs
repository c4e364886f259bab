/** `writeIfAbsent` tells whether it wrote; a caller that does not ask loses what it meant to write in silence. */
const useWriteResult = {
  meta: {
    type: 'problem',
    messages: { unused: 'Ask `writeIfAbsent` whether it wrote: another writer may have been first.' },
  },
  create(context) {
    return {
      ExpressionStatement(node) {
        const { expression } = node;
        const value = expression.type === 'UnaryExpression' ? expression.argument : expression;
        const call = value.type === 'AwaitExpression' ? value.argument : value;
        if (call.type === 'CallExpression' && call.callee.property?.name === 'writeIfAbsent')
          context.report({ node, messageId: 'unused' });
      },
    };
  },
};

/** Loops that may not run at all. */
const LOOPS = new Set(['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement']);
const isTest = (node) => /^(?:test|it)\b/u.test(nameOf(node.callee));

/** `test` of `test(…)`, `test.each` of `test.each(…)(…)`, `expect.poll` of `expect.poll(…)`. */
function nameOf(node) {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MemberExpression') return `${nameOf(node.object)}.${node.property.name ?? ''}`;
  return node.type === 'CallExpression' ? nameOf(node.callee) : '';
}

/** What the length of a loop hangs on: the name `rows` of `rows.entries()`, or a list that is written down. */
function listOf({ right }) {
  let over = right;
  while (over && over.type !== 'Identifier' && over.type !== 'ArrayExpression') {
    if (over.type === 'CallExpression' && nameOf(over.callee).startsWith('Object.')) [over] = over.arguments;
    else over = over.callee ?? over.object ?? over.expression ?? over.argument;
  }
  return over;
}

/** Whether a loop surely runs: over a list that is written down, or counting to a number. */
function isNeverEmpty(loop, text) {
  if (loop.type === 'ForStatement') return loop.test?.type === 'BinaryExpression';
  const list = listOf(loop);
  if (list?.type === 'ArrayExpression') return list.elements.some(({ type }) => type !== 'SpreadElement');
  const name = list?.name ?? '-';
  return /^[A-Z]/u.test(name) || new RegExp(`const ${name}(?:: .*)? = [[{]\\s*[^\\]}\\s]`, 'u').test(text);
}

/**
 * A loop over rows that are not there asserts nothing, and the test passes. So a test that has its assertions in a loop also asserts something
 * of the list, or counts them.
 */
const countLoopedAssertions = {
  meta: {
    type: 'problem',
    messages: {
      uncounted:
        'This assertion runs as often as the loop, maybe never: assert the list too, or `expect.assertions(n)`.',
    },
  },
  create(context) {
    const { sourceCode } = context;
    const tests = [];
    /** The outermost loop of a test that an assertion is in. */
    const loopOf = (assertion, test) => {
      let found;
      for (let { parent } = assertion; parent !== null && parent !== test; { parent } = parent)
        if (LOOPS.has(parent.type)) found = parent;
      return found;
    };
    return {
      CallExpression(node) {
        const name = nameOf(node.callee);
        if (isTest(node) && !name.endsWith('.each'))
          tests.push({ node, looped: [], outside: '', isCounted: false });
        const test = tests.at(-1);
        if (test === undefined) return;
        if (/^expect\.(?:assertions|hasAssertions)$/u.test(name)) test.isCounted = true;
        if (name !== 'expect') return;
        const loop = loopOf(node, test.node);
        if (loop === undefined) test.outside += ` ${sourceCode.getText(node)}`;
        else if (!isNeverEmpty(loop, sourceCode.text)) test.looped.push({ node, list: listOf(loop)?.name });
      },
      'CallExpression:exit'(node) {
        if (tests.at(-1)?.node !== node) return;
        const { looped, outside, isCounted } = tests.pop();
        if (isCounted) return;
        for (const { node: assertion, list } of looped)
          if (list === undefined || !new RegExp(`\\b${list}\\b`, 'u').test(outside))
            context.report({ node: assertion, messageId: 'uncounted' });
      },
    };
  },
};

export default {
  meta: { name: 'pixlake' },
  rules: { 'use-write-result': useWriteResult, 'count-looped-assertions': countLoopedAssertions },
};
