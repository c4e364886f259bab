import { describe, expect, test } from 'vitest';
import { encodeLogEntry, parseAction, parseLogEntry, parseLogLines } from '../../src/table/log-entry.ts';
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

describe('an action', () => {
  const REST = { modificationTime: 0, dataChange: true };
  const vector = { storageType: 'u' };

  test.each<[string, object, object]>([
    [
      'a file of which little is said',
      { add: { path: 'a', size: 1 } },
      { add: { path: 'a', size: 1, partitionValues: {}, ...REST } },
    ],
    [
      'a file of which nothing is said by null',
      {
        add: {
          path: 'a',
          size: 1,
          partitionValues: null,
          modificationTime: null,
          dataChange: null,
          stats: null,
          tags: null,
          deletionVector: null,
        },
      },
      { add: { path: 'a', size: 1, partitionValues: {}, ...REST } },
    ],
    [
      'a file of which all is said',
      {
        add: {
          path: 'a',
          size: 1n,
          partitionValues: { k: null, l: 'm' },
          modificationTime: 2n,
          dataChange: false,
          stats: '{}',
          tags: { t: 'u', v: null },
          deletionVector: { ...vector, pathOrInlineDv: 'v', offset: 1n, sizeInBytes: 2n, cardinality: 3n },
          more: 1,
        },
      },
      {
        add: {
          path: 'a',
          size: 1,
          partitionValues: { k: null, l: 'm' },
          modificationTime: 2,
          dataChange: false,
          stats: '{}',
          tags: { t: 'u', v: null },
          deletionVector: { ...vector, pathOrInlineDv: 'v', offset: 1, sizeInBytes: 2, cardinality: 3 },
        },
      },
    ],
    [
      'a removal of which little is said',
      { remove: { path: 'a' } },
      { remove: { path: 'a', dataChange: true } },
    ],
    [
      'a removal of which all is said',
      {
        remove: {
          path: 'a',
          deletionTimestamp: 5n,
          dataChange: false,
          extendedFileMetadata: true,
          partitionValues: { k: 'l' },
          size: 3n,
          deletionVector: vector,
        },
      },
      {
        remove: {
          path: 'a',
          deletionTimestamp: 5,
          dataChange: false,
          extendedFileMetadata: true,
          partitionValues: { k: 'l' },
          size: 3,
          deletionVector: vector,
        },
      },
    ],
    [
      'metadata of a table that has no columns yet',
      { metaData: { id: 'x' } },
      {
        metaData: {
          id: 'x',
          format: { provider: 'parquet', options: {} },
          schemaString: '{"type":"struct","fields":[]}',
          partitionColumns: [],
          configuration: {},
        },
      },
    ],
    [
      'metadata of which all is said',
      {
        metaData: {
          id: 'x',
          name: 'n',
          description: 'd',
          format: { provider: 'orc', options: null },
          schemaString: '{}',
          partitionColumns: ['k'],
          configuration: { a: 'b', c: null },
          createdTime: 5n,
        },
      },
      {
        metaData: {
          id: 'x',
          name: 'n',
          description: 'd',
          format: { provider: 'orc', options: {} },
          schemaString: '{}',
          partitionColumns: ['k'],
          configuration: { a: 'b', c: '' },
          createdTime: 5,
        },
      },
    ],
    [
      'the options of a format',
      { metaData: { id: 'x', format: { provider: 'parquet', options: { o: 'p' } }, schemaString: '{}' } },
      {
        metaData: {
          id: 'x',
          format: { provider: 'parquet', options: { o: 'p' } },
          schemaString: '{}',
          partitionColumns: [],
          configuration: {},
        },
      },
    ],
    [
      'a protocol',
      {
        protocol: { minReaderVersion: 3n, minWriterVersion: 7, readerFeatures: ['a'], writerFeatures: null },
      },
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['a'] } },
    ],
    [
      'a transaction',
      { txn: { appId: 'a', version: 3n, lastUpdated: 5n } },
      { txn: { appId: 'a', version: 3, lastUpdated: 5 } },
    ],
    [
      'a description, with whatever its writer says',
      { commitInfo: { timestamp: 5n, inCommitTimestamp: null, more: { a: [1] } } },
      { commitInfo: { timestamp: 5, more: { a: [1] } } },
    ],
    ['a sidecar, which is only known to be there', { sidecar: { path: 'x' } }, { sidecar: { path: 'x' } }],
    ['what nobody knows', { add: null, unheardOf: 1 }, {}],
  ])('may be %s', (_, json, action) => {
    expect(parseAction(json, 'version 0 of t')).toEqual(action);
  });

  test.each<[unknown, string]>([
    [{ add: { path: '', size: 1 } }, 'add.path: '],
    [{ add: { path: 'a' } }, 'add.size: '],
    [{ add: { path: 'a', size: 1, partitionValues: { k: 1 } } }, 'add.partitionValues.k: '],
    [{ remove: { path: '' } }, 'remove.path: '],
    [{ remove: { path: 'a', deletionVector: {} } }, 'remove.deletionVector.storageType: '],
    [{ protocol: { minReaderVersion: 1 } }, 'protocol.minWriterVersion: '],
    [{ txn: { appId: 'a' } }, 'txn.version: '],
    [7, ': '],
  ])('cannot be %j', (json, where) => {
    expect(() => parseAction(json, 'version 0 of t')).toThrow(
      expect.objectContaining({
        code: 'TABLE_CORRUPT',
        message: expect.stringMatching(`^version 0 of t has an invalid action: ${where}.+`),
      }),
    );
  });
});

test('blank lines are none, and one that is no JSON is named with the cause', () => {
  expect(parseLogLines(['', ' \r', '{"txn":null}', '\t'], 't')).toEqual([{}]);
  expect(() => parseLogLines(['{"txn":null}', '{'], 'version 3 of t')).toThrow(
    expect.objectContaining({
      code: 'TABLE_CORRUPT',
      message: expect.stringMatching(/^version 3 of t has a line that is not JSON: ./u),
      cause: expect.any(SyntaxError),
    }),
  );
});

test('an entry of nothing but its description has a checksum too', () => {
  const bytes = encodeLogEntry([{ commitInfo: { operation: 'X' } }]);
  const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  expect(bytes.toString()).toBe(`{"commitInfo":{"operation":"X","actionsSha256":"${sha256}"}}\n`);
  expect(parseLogEntry(bytes, 't')).toHaveLength(1);
  expect(encodeLogEntry([]).toString()).toBe(`{"commitInfo":{"actionsSha256":"${sha256}"}}\n`);
});
