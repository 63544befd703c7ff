import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are read field by field
  body: Record<string, any>;
}

const ATTEMPT_MS = 20_000;
const GIVE_UP_MS = 180_000;

/** Asks until it gets an answer, from one API process after the other: what was asked keeps its Idempotency-Key. */
export class Client {
  private turn = 0;
  /** Answers that no request may ever get. */
  readonly failures: string[] = [];

  constructor(private readonly urls: () => string[]) {}

  async ask(method: 'GET' | 'POST', path: string, body?: object, key?: string): Promise<Answer> {
    const until = Date.now() + GIVE_UP_MS;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.once(method, path, body, key).catch((error: unknown) => String(error));
      if (typeof answer !== 'string' && answer.status < 500) return answer;
      if (typeof answer !== 'string' && answer.status !== 503)
        this.failures.push(
          `${method} ${path} ${JSON.stringify(body ?? null)}: ${answer.status} ${JSON.stringify(answer.body)}`,
        );
      if (Date.now() > until)
        throw new Error(
          `no answer to ${method} ${path} within ${GIVE_UP_MS / 1000} s: ` +
            `${typeof answer === 'string' ? answer : answer.status}`,
        );
      await sleep(Math.min(50 * (attempt + 1), 500));
    }
  }

  private async once(method: string, path: string, body: object | undefined, key: string | undefined): Promise<Answer> {
    const urls = this.urls();
    const response = await fetch(urls[this.turn++ % urls.length]! + path, {
      method,
      signal: AbortSignal.timeout(ATTEMPT_MS),
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
  }

  /** Every page of a list. */
  async list<T>(path: string, field: string): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | null = null;
    do {
      const { body } = await this.ask(
        'GET',
        `${path}${path.includes('?') ? '&' : '?'}limit=500${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      all.push(...(body[field] as T[]));
      cursor = body['next_cursor'] as string | null;
    } while (cursor !== null);
    return all;
  }
}
