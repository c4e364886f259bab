import { toPixlakeError } from '../errors.ts';
import type { QueryReply, QueryRequest } from './query-messages.ts';
import { QuerySessions } from './query-sessions.ts';

/** Entry of a query process. It runs one query at a time for the server. */

const sessions = new QuerySessions();

function send(reply: QueryReply): void {
  process.send?.(reply);
}

process.on('message', ({ id, request }: { id: number; request: QueryRequest }) => {
  sessions.answer(request).then(
    (value) => send({ id, value }),
    (error: unknown) => {
      const { code, message, remedy } = toPixlakeError(error);
      send({ id, error: { code, message, ...(remedy === undefined ? {} : { remedy }) } });
    },
  );
});

// The server is gone, so nobody would read the result, and native work cannot be asked to end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C in a terminal reaches all processes of the group; the server decides when to end.
process.on('SIGINT', () => undefined);
