import { Messages, READS_ONLY, WRITES_WITHIN, type Reader, type Tell } from './statements.js';

const SSL_REQUEST = 80_877_103;

/** What has been sent up to a point where the server says that it is ready. */
interface Turn {
  texts: string[];
  began: number;
  roundTrip: boolean;
  statements: number;
  commits: number;
}

/** PostgreSQL's protocol, version 3: https://www.postgresql.org/docs/current/protocol-message-formats.html */
export function readPostgres(tell: Tell): Reader {
  const prepared = new Map<string, string>();
  const turns: Turn[] = [];
  let started = false;
  let oneByte = false;
  let inTransaction = false;
  let wrote = false;
  let next: string[] = [];

  const endOfTurn = (): void => {
    turns.push({ texts: next, began: performance.now(), roundTrip: turns.length === 0, statements: 0, commits: 0 });
    next = [];
  };
  const client = new Messages(
    (bytes) => (started ? lengthOf(bytes) : bytes.length < 4 ? null : bytes.readInt32BE(0)),
    (message) => {
      if (!started) {
        oneByte = message.length === 8 && message.readInt32BE(4) === SSL_REQUEST;
        // The start itself is answered by the first "ready".
        if (!oneByte) {
          started = true;
          next.push('(connect)');
          endOfTurn();
        }
        return;
      }
      const body = message.subarray(5);
      switch (String.fromCharCode(message[0]!)) {
        case 'Q':
          next.push(text(body, 0).value);
          endOfTurn();
          break;
        case 'P': {
          const name = text(body, 0);
          prepared.set(name.value, text(body, name.end).value);
          break;
        }
        case 'B': {
          const portal = text(body, 0);
          next.push(prepared.get(text(body, portal.end).value) ?? '(unknown)');
          break;
        }
        case 'S':
          endOfTurn();
          break;
      }
    },
  );

  const server = new Messages(
    (bytes) => (oneByte ? Math.min(1, bytes.length) || null : lengthOf(bytes)),
    (message) => {
      if (oneByte) {
        oneByte = false;
        return;
      }
      const [turn] = turns;
      if (turn === undefined) return;
      const type = String.fromCharCode(message[0]!);
      if (type === 'C') {
        const tag = text(message.subarray(5), 0).value;
        turn.statements += 1;
        const writes = !READS_ONLY.test(tag) || (tag.startsWith('SELECT') && WRITES_WITHIN.test(turn.texts.join()));
        if (tag === 'COMMIT' || tag === 'ROLLBACK') {
          if (tag === 'COMMIT' && wrote) turn.commits += 1;
          inTransaction = wrote = false;
        } else if (tag === 'BEGIN') inTransaction = true;
        else if (inTransaction) wrote ||= writes;
        else if (writes) turn.commits += 1;
      } else if (type === 'Z') {
        inTransaction = message[5] !== IDLE;
        turns.shift();
        const { texts, began, roundTrip, statements, commits } = turn;
        tell({ text: texts.join('; '), ms: performance.now() - began, roundTrip, statements, commits });
      }
    },
  );
  return {
    fromClient: (bytes) => client.add(bytes),
    fromServer: (bytes) => server.add(bytes),
    finish: () => undefined,
  };
}

const IDLE = 'I'.charCodeAt(0);

function lengthOf(bytes: Buffer): number | null {
  return bytes.length < 5 ? null : 1 + bytes.readInt32BE(1);
}

/** A text up to its zero byte, and where the next thing begins. */
function text(bytes: Buffer, from: number): { value: string; end: number } {
  const end = bytes.indexOf(0, from);
  return { value: bytes.toString('utf8', from, end), end: end + 1 };
}
