/** One message of a stream of server-sent events, as a browser would see it. */
export interface Message {
  id: number;
  event: string;
  data: Record<string, unknown>;
}
export interface EventSource {
  status: number;
  messages: Message[];
  comments: string[];
  /** Resolves when the server ended it. */ ended: Promise<void>;
  close(): void;
}

/** A client that reads as fast as it can, unless `pace` holds it up between two pieces. */
export async function eventSource(
  url: string,
  headers: Record<string, string> = {},
  pace: () => Promise<void> = async () => undefined,
): Promise<EventSource> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers: { Accept: 'text/event-stream', ...headers }, signal: leaving.signal });
  const messages: Message[] = [];
  const comments: string[] = [];
  const read = async (): Promise<void> => {
    if (response.body === null) return;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of response.body) {
      rest += decoder.decode(bytes as Uint8Array, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        if (block.startsWith(':')) comments.push(block);
        else messages.push(parse(block));
      }
      await pace();
    }
  };
  const ended = read();
  // Who closes it is not told again that it was closed.
  ended.catch(() => undefined);
  return {
    status: response.status,
    messages,
    comments,
    ended,
    close: () => {
      leaving.abort();
    },
  };
}

function parse(block: string): Message {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
  );
  return { id: Number(fields['id']), event: fields['event']!, data: JSON.parse(fields['data']!) as Message['data'] };
}
