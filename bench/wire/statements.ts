/** What one client has said to a server, and what came of it. */
export interface Said {
  /** The text, as far as the protocol shows it. */
  text: string;
  /** Milliseconds until the answer was complete; 0 for a statement that was sent along with others. */
  ms: number;
  /** It began a new journey there and back: nothing was under way on its connection. */
  roundTrip: boolean;
  /** How many statements ran: a text may hold several. */
  statements: number;
  /** How many transactions were committed with it that had written: each costs a sync. */
  commits: number;
}

/** Reads both directions of one connection. */
export interface Reader {
  fromClient(bytes: Buffer): void;
  fromServer(bytes: Buffer): void;
  /** Tells what is known of a statement whose end cannot be seen yet. */
  finish(): void;
}

/** The same with the number of its connection. */
export interface SaidOn extends Said {
  connection: number;
}

export type Tell = (said: Said) => void;

/** Bytes that arrive in pieces, taken in whole messages. */
export class Messages {
  private rest: Buffer = Buffer.alloc(0);

  /** `take` returns how long the first message in the bytes is, or null while too little of it is there. */
  constructor(
    private readonly lengthOf: (bytes: Buffer) => number | null,
    private readonly take: (message: Buffer) => void,
  ) {}

  add(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    for (let length = this.lengthOf(this.rest); length !== null && length <= this.rest.length;) {
      this.take(this.rest.subarray(0, length));
      this.rest = this.rest.subarray(length);
      length = this.lengthOf(this.rest);
    }
  }
}

/** What writes although its statement begins as one that reads. */
export const WRITES_WITHIN = /\b(insert into|update \S+ set|delete from)\b/i;

/** Beginnings of statements that write nothing by themselves. */
export const READS_ONLY =
  /^\s*(select|show|set|with|begin|start|use|savepoint|release|deallocate|kill|explain|do|lock|unlock|prepare)\b/i;
