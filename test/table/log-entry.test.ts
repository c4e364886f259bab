import { expect, test } from 'vitest';
import { encodeLogEntry, parseLogEntry } from '../../src/table/log-entry.ts';
import { makeRandom } from '../support/run-in-process.ts';
import { addOf } from './table-fixture.ts';

const ACTIONS = [
  { commitInfo: { operation: 'WRITE', txnId: 'a' } },
  { txn: { appId: 'app', version: 3 } },
  { add: { ...addOf('k=1/a b.parquet', 3), tags: { t: 'ü' } } },
];

test('a log entry that pixlake wrote is read with its checksum, any other one without', () => {
  const bytes = encodeLogEntry(ACTIONS);
  const [first, ...others] = parseLogEntry(bytes, 'version 0 of t');
  expect(first?.commitInfo).toMatchObject({ operation: 'WRITE', actionsSha256: expect.any(String) });
  expect(others).toMatchObject(ACTIONS.slice(1));
  const plain = ACTIONS.map((action) => `${JSON.stringify(action)}\n`).join('');
  expect(parseLogEntry(Buffer.from(plain), 'version 0 of t')).toMatchObject(ACTIONS);
  const reordered = ACTIONS.toReversed()
    .map((action) => `${JSON.stringify(action)}\n`)
    .join('');
  expect(parseLogEntry(Buffer.from(reordered), 'version 0 of t')).toHaveLength(3);
});

test('a flipped bit behind the first line is noticed wherever it is, and so is a line that is gone', () => {
  const whole = encodeLogEntry(ACTIONS);
  const start = whole.indexOf('\n') + 1;
  const random = makeRandom(3);
  const corrupt = expect.objectContaining({
    code: 'TABLE_CORRUPT',
    message: expect.stringContaining('version 7 of t'),
  });
  expect(whole.length - start).toBeGreaterThan(100);
  for (let place = start; place < whole.length; place++) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
    expect(() => parseLogEntry(bytes, 'version 7 of t'), `byte ${place}`).toThrow(corrupt);
  }
  const shorter = whole.subarray(0, whole.lastIndexOf('\n', whole.length - 2) + 1);
  expect(() => parseLogEntry(shorter, 'version 7 of t')).toThrow(corrupt);
});
