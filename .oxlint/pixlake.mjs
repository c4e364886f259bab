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

export default { meta: { name: 'pixlake' }, rules: { 'use-write-result': useWriteResult } };
