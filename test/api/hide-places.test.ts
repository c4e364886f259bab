import { describe, expect, test } from 'vitest';
import { createPlaceHider, hidePaths } from '../../src/api/hide-places.ts';

test.each([
  ['cannot read /srv/lake/x.csv: gone', 'cannot read <path>: gone'],
  ['"/a/b" and (/c/d/e), /f/g', '"<path>" and (<path>), <path>'],
  ['see s3://bucket/a/b, HTTP://host:1/x?y=z)', 'see <uri>, <uri>)'],
  ['file:///etc/passwd is closed', '<uri> is closed'],
  ['/v1 and 1/2/3 and a/b/c and GET /tables', '/v1 and 1/2/3 and a/b/c and GET /tables'],
  ['GET /v1/models lists them', 'GET /v1/models lists them'],
  ['/v1/x or /srv/v1/x', '/v1/x or <path>'],
  ['is at /srv/my data/of me/x, and a/b', 'is at <path>, and a/b'],
  ["open '/srv/my data/x y': gone", "open '<path>': gone"],
  ['nothing of that kind', 'nothing of that kind'],
  ['ends/with/', 'ends/with/'],
  [' /a/b/ ', ' <path> '],
])('%s is told as: %s', (message, told) => {
  expect(hidePaths(message)).toBe(told);
});

describe('places of a server', () => {
  const places = createPlaceHider(['/srv/my lake/', 's3://bucket/a (b)', '', '/data']);

  test.each([
    ['no table t exists in /srv/my lake', 'no table t exists in <path>'],
    ["cannot read '/srv/my lake/originals/x.jpg': gone", "cannot read '<path>': gone"],
    ['/srv/my lakes and /srv/my lake-2 are others', '<path> lakes and <path> lake-2 are others'],
    ['/data, /data/x and /database', '<path>, <path> and /database'],
    ['see s3://bucket/a (b)/c.csv', 'see <uri>'],
    ['nothing of that kind', 'nothing of that kind'],
  ])('are hidden in a message, also with blanks: %s', (message, told) => {
    expect(places.text(message)).toBe(told);
  });

  test.each<[unknown, unknown]>([
    ['/home/me/catalogue', 'catalogue'],
    ['/home/me/my catalogue/', 'my catalogue'],
    ['s3://bucket/prefix/styles.csv', 'styles.csv'],
    ['https://me:secret@host/x.csv?signature=secret#end', 'x.csv'],
    ['https://me:secret@host', '<uri>'],
    ['https://me:secret@host?key=secret', '<uri>'],
    [String.raw`C:\\data\\x.csv`, 'x.csv'],
    ['/', '<path>'],
    ['["year > 2012"]', '["year > 2012"]'],
    ['["path = /srv/a/b"]', '["path = <path>"]'],
    [7, 7],
    [null, null],
    [
      { a: ['/a/b', { c: '/c/d' }], n: 1, t: true },
      { a: ['b', { c: 'd' }], n: 1, t: true },
    ],
  ])('leave their last name in a value: %j', (value, shown) => {
    expect(places.value(value)).toEqual(shown);
  });
});
