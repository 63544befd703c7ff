import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './api-error.js';

/**
 * Of a body, bytes; 500 columns with all their fields need some 100,000. What is asked stands several times in events,
 * plans and read models.
 */
export const BODY_LIMIT = 128 * 1024;
/**
 * Of a larger one, bytes are read and thrown away up to here before the answer: cut off while it writes, a client never
 * reads it.
 */
const MOST_DRAINED = 32 * 1024 * 1024;

/** What has to be sent for a 415 to go away. */
export const JSON_WANTED = 'send the body as JSON in UTF-8, with the header "Content-Type: application/json"';

/** Null: fit to be read. Before anything of it is read. */
export function unreadable(request: FastifyRequest): string | null {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return `a body encoded as ${encoding} is not taken: send it without the header "Content-Encoding"`;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)
    ? null
    : `a body in ${charset} is not taken: ${JSON_WANTED}`;
}

/** The text of a body. Errors: ApiError payload_too_large, invalid_json for one that is no UTF-8 or ends early. */
export async function readBody(request: IncomingMessage, response: ServerResponse): Promise<string> {
  const declared = Number(request.headers['content-length'] ?? 0);
  const asks = request.headers.expect?.toLowerCase() === '100-continue';
  // Who asks first is told before it sends anything.
  if (asks && declared > BODY_LIMIT) throw tooLarge(declared, { Connection: 'close' });
  if (asks) response.writeContinue();
  const parts: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= BODY_LIMIT) parts.push(chunk);
      else parts.length = 0;
      // What still comes is thrown away by Node once the answer is out, until the time for a request is over.
      if (length > MOST_DRAINED) resolve();
    });
    request.once('end', resolve);
    request.once('error', () => {
      reject(new ApiError('invalid_json', 'the body ended early'));
    });
    request.once('close', () => {
      reject(new ApiError('invalid_json', 'the body ended early'));
    });
  });
  if (length > BODY_LIMIT) throw tooLarge(Math.max(declared, length));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new ApiError('invalid_json', 'the body is not UTF-8');
  }
}

function tooLarge(length: number, headers?: Record<string, string>): ApiError {
  const message =
    `the body has ${length} bytes or more, and at most ${BODY_LIMIT} are taken: make several changes of ` + 'it';
  return new ApiError('payload_too_large', message, headers === undefined ? {} : { headers });
}

/** Of a body, values: 500 columns with all their fields are some 6000. */
const MOST_VALUES = 10_000;
const DEEPEST = 64;

/**
 * Looked at before it is parsed: a body of many small values costs far more than its length to parse, to check and to
 * keep, and
 * one that is deeper than any has a use for cannot be walked through. Errors: ApiError validation_failed.
 */
function refuseShape(text: string): void {
  const refuse = (message: string): never => {
    throw new ApiError('validation_failed', `the body ${message}`, { errors: [{ path: '', message }] });
  };
  let [values, depth] = [1, 0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = endOfString(text, i);
    else if (c === COMMA) values++;
    else if (c === OPEN_LIST || c === OPEN_OBJECT) {
      values++;
      if (++depth > DEEPEST) refuse('is nested too deep');
    } else if (c === CLOSE_LIST || c === CLOSE_OBJECT) depth--;
    if (values > MOST_VALUES) refuse(`holds more than ${MOST_VALUES} values`);
  }
}

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'"\\,[]{}'].map((c) =>
  c.charCodeAt(0),
) as [number, number, number, number, number, number, number];

/** The place of the quote that closes the one at `start`; the last place when none does, which the parser will say. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

type Parser = (request: FastifyRequest, text: string, done: (error: Error | null, body?: unknown) => void) => unknown;

/** JSON, read under a limit. Many clients say JSON also of a body that is not there. */
export function jsonBody(
  parse: Parser,
  replyOf: (request: FastifyRequest) => FastifyReply['raw'],
): (request: FastifyRequest, payload: IncomingMessage) => Promise<unknown> {
  return async (request, payload) => {
    const text = await readBody(payload, replyOf(request));
    if (text === '') return undefined;
    refuseShape(text);
    return new Promise((resolve, reject) => {
      void parse(request, text, (error, body) => {
        if (error === null) resolve(body);
        else reject(error);
      });
    });
  };
}
