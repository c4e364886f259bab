import { expect, test } from 'vitest';
import { checkPlaces } from '../../src/api/check-places.ts';

const ALLOWED = ['/data/out', 's3://bucket/out/', '/'.concat('srv//')];

test.each(['/data/out', '/data/out/a', '/data/out/a/b', 's3://bucket/out/a', '/srv/x'])(
  'an output %s is at an allowed place',
  (output) => {
    expect(() => checkPlaces({ output }, ALLOWED)).not.toThrow();
  },
);

test.each([
  '/data/outside',
  '/data/out-2/a',
  '/data/out.bak',
  '/data',
  '/data/ou',
  'data/out/a',
  '/x/data/out/a',
  '/data/out/../secret',
  '/data/out/a/../../secret',
  '/data/out/..',
  '/DATA/out/a',
  's3://bucket/outside/a',
  's3://bucket-2/out/a',
  's3://bucket/out/../x',
  'https://bucket/out/a',
  ' /data/out/a',
])('an output %j is not, though it looks like one', (output) => {
  expect(() => checkPlaces({ output }, ALLOWED)).toThrow(expect.objectContaining({ code: 'SPEC_INVALID' }));
  expect(() => checkPlaces({ output }, [])).toThrow(expect.objectContaining({ code: 'SPEC_INVALID' }));
});

test.each(['fashion-tiny', 'A1', 'x'.repeat(64)])('a model is named %s', (model) => {
  expect(() => checkPlaces({ model }, [])).not.toThrow();
});

test.each(['', '../x', '/etc/passwd', 'a/b', 'x.onnx', '-x', 'x'.repeat(65), 'a b', 'ä'])(
  'a model is not named %j',
  (model) => {
    expect(() => checkPlaces({ model }, [])).toThrow(expect.objectContaining({ code: 'SPEC_INVALID' }));
  },
);
