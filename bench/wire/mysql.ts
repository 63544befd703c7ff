import { Messages, READS_ONLY, type Reader, type Tell } from './statements.js';

/** https://mariadb.com/kb/en/2-text-protocol/ and the pages behind it. */
const QUERY = 0x03;
const PREPARE = 0x16;
const EXECUTE = 0x17;
/** Commands that the server does not answer. */
const UNANSWERED = new Set([0x01, 0x18, 0x19]);

interface Command {
  text: string;
  began: number;
  roundTrip: boolean;
  isStatement: boolean;
  prepares: string | null;
  answered: boolean;
}

/**
 * The protocol of MySQL and MariaDB. The end of an answer can only be known by reading rows; an answer counts as
 * complete with the last bytes before the client's next command, or before it is asked for what was said.
 */
export function readMysql(tell: Tell): Reader {
  const prepared = new Map<number, string>();
  let current: Command | null = null;
  let answeredAt = 0;
  let inTransaction = false;
  let wrote = false;

  const finish = (): void => {
    if (current === null) return;
    const { text, began, roundTrip, isStatement } = current;
    current = null;
    tell({
      text,
      ms: Math.max(0, answeredAt - began),
      roundTrip,
      statements: isStatement ? 1 : 0,
      commits: isStatement ? commitsOf(text) : 0,
    });
  };
  const commitsOf = (text: string): number => {
    if (COMMITS_BY_ITSELF.test(text)) return 1;
    if (/^\s*(begin|start transaction)\b/i.test(text)) inTransaction = true;
    else if (/^\s*(commit|rollback)\b/i.test(text)) {
      const committed = wrote && /^\s*commit/i.test(text);
      inTransaction = wrote = false;
      return committed ? 1 : 0;
    } else if (inTransaction) wrote ||= !READS_ONLY.test(text);
    else if (!READS_ONLY.test(text)) return 1;
    return 0;
  };
  const begin = (command: Omit<Command, 'began' | 'answered'>): void => {
    finish();
    current = { ...command, began: performance.now(), answered: false };
  };

  const client = new Messages(lengthOf, (packet) => {
    // Everything else is a part of logging in.
    if (packet[3] !== 0) return;
    const command = packet[4]!;
    const text = packet.toString('utf8', 5);
    if (UNANSWERED.has(command)) return;
    if (command === QUERY) begin({ text, roundTrip: true, isStatement: true, prepares: null });
    else if (command === PREPARE)
      begin({ text: `(prepare) ${text}`, roundTrip: true, isStatement: false, prepares: text });
    else if (command === EXECUTE)
      begin({
        text: prepared.get(packet.readUInt32LE(5)) ?? '(unknown)',
        roundTrip: true,
        isStatement: true,
        prepares: null,
      });
    else begin({ text: `(command ${command})`, roundTrip: true, isStatement: false, prepares: null });
  });
  const server = new Messages(lengthOf, (packet) => {
    if (current !== null && !current.answered) {
      current.answered = true;
      if (current.prepares !== null && packet[4] === 0) prepared.set(packet.readUInt32LE(5), current.prepares);
    }
    answeredAt = performance.now();
  });
  return {
    fromClient: (bytes) => client.add(bytes),
    fromServer: (bytes) => server.add(bytes),
    finish,
  };
}

const COMMITS_BY_ITSELF = /^\s*(create(?! temporary)|alter|drop(?! temporary)|rename|truncate)\b/i;

function lengthOf(bytes: Buffer): number | null {
  return bytes.length < 4 ? null : 4 + bytes.readUIntLE(0, 3);
}
