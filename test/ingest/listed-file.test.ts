import { expect, test } from 'vitest';
import { decodeName } from '../../src/ingest/listed-file.ts';

test.each([
  ['ü 👟.jpg', Buffer.from('ü 👟.jpg'), true],
  ['\uFEFFa', Buffer.from('\uFEFFa'), true],
  ['caf\\xE9.jpg', Buffer.from('caf\xE9.jpg', 'latin1'), false],
  ['\u007f\\x80a\\xFF', Buffer.from('\u007f\x80a\xFF', 'latin1'), false],
])('a name is read as %s', (name, bytes, isText) => {
  expect(decodeName(bytes)).toEqual({ name, isText });
});
