import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp, type App } from '../src/app.js';
import { readConfig } from '../src/config.js';

export interface Reply {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are asserted on, field by field
  body: Record<string, any>;
}

/** The whole service in this process, over real HTTP, on a folder of its own. */
export async function service(environment: Record<string, string> = {}): Promise<{
  app: App;
  dir: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  stop(): Promise<void>;
}> {
  const dir = environment['DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'schemasaga-')));
  const app = await startApp(readConfig({ PORT: '0', DATA_DIR: dir, LOG_LEVEL: 'error', ...environment }));
  return {
    app,
    dir,
    async call(method, path, body, headers = {}) {
      const response = await fetch(app.url + path, {
        method,
        headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? {} : (JSON.parse(text) as Reply['body']),
      };
    },
    async stop() {
      await app.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export const WAIT = { Prefer: 'wait=20' };

export type Service = Awaited<ReturnType<typeof service>>;
