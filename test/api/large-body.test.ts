import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { memoryOf, useServer } from './server-fixture.ts';

// In a process of its own, whose memory is that of the server alone.
const server = useServer(1);

const MIB = 1024 ** 2;

/** Sends a body of a size without a length of its own, and gives the status, or that the server closed. */
async function upload(path: string, type: string, sizeBytes: number): Promise<number | 'closed'> {
  const piece = Buffer.alloc(MIB, 'x');
  return new Promise((resolve) => {
    const sending = request(server.current.url + path, { method: 'POST', headers: { 'content-type': type } });
    sending.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.once('error', () => resolve('closed'));
    Readable.from(
      (function* () {
        if (type.startsWith('multipart'))
          yield Buffer.from('--x\r\ncontent-disposition: form-data; name="a"; filename="a.jpg"\r\n\r\n');
        for (let sent = 0; sent < sizeBytes; sent += MIB) yield piece;
        if (type.startsWith('multipart')) yield Buffer.from('\r\n--x--\r\n');
      })(),
    ).pipe(sending);
  });
}

test('a body of 200 MB is refused without being kept', async () => {
  const pid = server.current.process.pid ?? 0;
  const before = await memoryOf(pid);
  // From here on, its peak is counted anew.
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  for (const type of ['application/json', 'image/jpeg', 'multipart/form-data; boundary=x']) {
    const path = type === 'application/json' ? '/v1/query' : '/v1/process';
    expect(await upload(path, type, 200 * MIB), type).toBeOneOf([413, 'closed']);
  }
  expect((await server.current.get('/healthz')).status).toBe(200);
  const peak = /VmHWM:\s+(\d+) kB/u.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  expect(Number(peak) * 1024 - before).toBeLessThan(195 * MIB);
});
