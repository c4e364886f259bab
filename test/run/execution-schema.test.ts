import { expect, test } from 'vitest';
import { executionSchema } from '../../src/run/execution-schema.ts';
import { makeExecution } from '../support/execution.ts';

const part = { rowCount: 1, sizeBytes: 9, sha256: 'c'.repeat(64) };
const FULL = makeExecution('r', {
  sourceLake: '/other',
  model: { name: 'm', sha256: 'a'.repeat(64), isTrained: true, embeddings: ['e'] },
  plan: { sha256: 'b'.repeat(64), volatileBecause: ['random()'], partRowCount: 1, parts: [part] },
  passedColumns: ['id'],
  retry: { number: 1, stage: 'read', code: 'IMAGE_EMPTY' },
  takesOver: '0123456789abcdef',
  manifestSchema: {
    type: 'struct',
    fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }],
  },
});

test('an execution is read as it was written, with all that may be left out and without', () => {
  for (const execution of [FULL, makeExecution('r')])
    expect(executionSchema.parse(JSON.parse(JSON.stringify(execution)))).toEqual(execution);
  expect.assertions(2);
});

test.each<[string, unknown]>([
  ['layoutVersion', 99],
  ['runId', 7],
  ['plannedMs', 'yesterday'],
  ['run', { ...FULL.run, copies: 0 }],
  ['sourceVersion', -1],
  ['versions', { t: 1 }],
  ['model', { ...FULL.model, sha256: 'A'.repeat(64) }],
  ['rowCount', 0],
  ['shardSize', 0],
  ['shardCount', 1.5],
  ['plan', { ...FULL.plan, sha256: 'b'.repeat(63) }],
  ['plan', { ...FULL.plan, partRowCount: 0 }],
  ['plan', { ...FULL.plan, parts: [{ ...part, rowCount: -1 }] }],
  ['retry', { number: 0 }],
  ['retry', { number: 1, stage: 'write' }],
  ['manifestSchema', { type: 'array' }],
])('an execution whose %s is %j is damaged', (field, value) => {
  expect(() => executionSchema.parse({ ...FULL, [field]: value })).toThrow();
});

test.each(Object.keys(makeExecution('r')))('an execution without its %s is damaged', (field) => {
  expect(() => executionSchema.parse({ ...FULL, [field]: undefined })).toThrow();
});
