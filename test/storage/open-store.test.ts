import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore, schemeOf } from '../../src/storage/open-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

describe('the scheme of a URI', () => {
  test.each([
    ['s3://bucket', 's3'],
    ['FTP://host', 'ftp'],
    ['git+ssh-2.0://host', 'git+ssh-2.0'],
    ['relative/path', undefined],
    ['/tmp/s3://x', undefined],
    ['s3:/bucket', undefined],
    // A drive is no scheme.
    ['c://x', undefined],
    ['2s://x', undefined],
  ])('of %s is %s', (uri, scheme) => {
    expect(schemeOf(uri)).toBe(scheme);
  });
});

describe('a store', () => {
  test('lies in a folder, named by its path or by a URL', () => {
    expect(openStore('some/lake').uri).toBe(resolve('some/lake'));
    expect(openStore('file:///tmp/a%20b').uri).toBe('/tmp/a b');
    expect(openStore('FILE:///tmp/a').remote).toBeUndefined();
  });

  test('lies on S3', () => {
    const options = { endpointUrl: 'http://127.0.0.1:1', reader: 'cache' } as const;
    const store = openStore('s3://bucket/lake', options);
    expect([store.uri, store.s3, store.remote?.reader]).toEqual(['s3://bucket/lake', options, 'cache']);
  });

  test('is told how to reach what it refers to on S3', () => {
    const options = { region: 'eu-west-1' };
    expect([openStore('/tmp/a', options).s3, openStore('file:///tmp/a', options).s3]).toEqual([
      options,
      options,
    ]);
    expect(openStore('/tmp/a').s3).toEqual({});
  });

  test('is read at once if that is wanted', async () => {
    const folder = await makeTestFolder();
    await openStore(folder).write('a', Buffer.from('x'));
    const states: string[] = [];
    for (const uri of [folder, `file://${folder}`])
      for (const isBlocking of [false, true]) {
        let state = 'later';
        const reading = openStore(uri, {}, isBlocking)
          .read('a')
          .then(() => (state = 'at once'));
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        states.push(state);
        await reading;
      }
    expect(states).toEqual(['later', 'at once', 'later', 'at once']);
  });

  test('of another kind is refused', () => {
    expect(() => openStore('ftp://host/x')).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_INVALID',
        message: 'lakes on ftp:// are not supported',
        remedy: expect.stringContaining('s3://bucket/prefix'),
      }),
    );
  });
});
