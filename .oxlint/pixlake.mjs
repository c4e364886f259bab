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
function listOf(loop) {
  let over = loop.right ?? loop.test?.right;
  while (over && over.type !== 'Identifier' && over.type !== 'ArrayExpression') {
    if (over.type === 'CallExpression' && nameOf(over.callee).startsWith('Object.')) [over] = over.arguments;
    else over = over.callee ?? over.object ?? over.expression ?? over.argument ?? over.left;
  }
  return over;
}

/** Whether a loop surely runs: over a list that is written down, or counting to a number or a constant. */
function isNeverEmpty(loop, text) {
  if (loop.type === 'ForStatement') {
    const end = loop.test?.right;
    return end?.type === 'Literal' || (end?.type === 'Identifier' && /^[A-Z\d_]+$/u.test(end.name));
  }
  const list = listOf(loop);
  if (list?.type === 'ArrayExpression') return list.elements.some(({ type }) => type !== 'SpreadElement');
  const start = new RegExp(`const ${list?.name ?? '-'}(?:: [^;]*?)? = [[{]\\s*(?!\\.\\.\\.)[^\\]}\\s]`, 'u');
  return start.test(text);
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
    /** The loops of a test that an assertion is in. */
    const loopsOf = (assertion, test) => {
      const found = [];
      for (let { parent } = assertion; parent !== null && parent !== test; { parent } = parent)
        if (LOOPS.has(parent.type)) found.push(parent);
      return found;
    };
    return {
      CallExpression(node) {
        const name = nameOf(node.callee);
        // The call that has the body: `test.each(…)(…)`, not `test.each(…)`.
        if (isTest(node) && (!name.endsWith('.each') || node.callee.type === 'CallExpression'))
          tests.push({ node, looped: [], outside: '', isCounted: false });
        const test = tests.at(-1);
        if (test === undefined) return;
        if (/^expect\.(?:assertions|hasAssertions)$/u.test(name)) test.isCounted = true;
        if (name !== 'expect') return;
        const loops = loopsOf(node, test.node);
        if (loops.length === 0) test.outside += ` ${sourceCode.getText(node)}`;
        for (const loop of loops)
          if (!isNeverEmpty(loop, sourceCode.text)) test.looped.push({ node, list: listOf(loop)?.name });
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
