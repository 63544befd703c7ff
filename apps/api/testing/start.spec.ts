import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { Lifecycle } from '../src/core/lifecycle.js';
import { service, WAIT } from './service.js';

let dir: string;
let other: Server;
let taken: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'schemasaga-'));
  other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  taken = String((other.address() as AddressInfo).port);
});
afterEach(async () => {
  await new Promise((resolve) => other.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

const settings = (more: Record<string, string>): Record<string, string> => ({
  DATA_DIR: dir,
  LOG_LEVEL: 'silent',
  ...more,
});
const isCoreOpen = (): boolean => existsSync(join(dir, 'core.db-wal'));

test('while the service runs its core database is open, and after a stop it is not', async () => {
  const app = await startApp(readConfig(settings({ PORT: '0' })));
  expect(isCoreOpen()).toBe(true);
  await app.stop();
  expect(isCoreOpen()).toBe(false);
});

for (const role of ['all', 'api', 'worker'])
  test(`a start of the role ${role} whose port is taken leaves nothing open`, async () => {
    await expect(startApp(readConfig(settings({ PORT: taken, ROLE: role })))).rejects.toThrow('EADDRINUSE');
    expect(isCoreOpen()).toBe(false);
    const app = await startApp(readConfig(settings({ PORT: '0', ROLE: role })));
    await app.stop();
  });

test('a start whose port is taken lets its process end by itself', async () => {
  const app = new URL('../../../dist/apps/api/src/app.js', import.meta.url);
  const config = new URL('../../../dist/apps/api/src/config.js', import.meta.url);
  const program = `
    import { startApp } from '${app.href}';
    import { readConfig } from '${config.href}';
    await startApp(readConfig()).catch((error) => console.log(error.code));
  `;
  const redis = process.env['TEST_REDIS_URL'];
  for (const more of [{}, redis === undefined ? {} : { REDIS_URL: redis }]) {
    const environment = { ...process.env, NODE_OPTIONS: '', ...settings({ PORT: taken }), ...more };
    const said = await new Promise((resolve) => {
      const given = ['--input-type=module', '-e', program];
      execFile(process.execPath, given, { env: environment, timeout: 40_000 }, (error, stdout) => {
        resolve(error === null ? stdout : error);
      });
    });
    expect(said).toBe('EADDRINUSE\n');
    expect(isCoreOpen()).toBe(false);
  }
});

test('a part that cannot be made stops those that were made before it', async () => {
  const s = await service({ DATA_DIR: dir, CREDENTIALS_KEY: '1'.repeat(64) });
  expect((await s.call('POST', '/table/create', { name: 't' }, WAIT)).status).toBe(200);
  await s.app.stop();
  const wrong = settings({ PORT: '0', CREDENTIALS_KEY: '2'.repeat(64) });
  await expect(startApp(readConfig(wrong))).rejects.toThrow('encrypted with another key');
  expect(isCoreOpen()).toBe(false);
});

test('the stages of a stop follow one another, and one that fails stops none of the others', async () => {
  const lifecycle = new Lifecycle();
  const stopped: string[] = [];
  const stop = (name: string, ms: number) => async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    stopped.push(name);
  };
  lifecycle.onStop('core', stop('core', 0));
  lifecycle.onStop('sagas', stop('sagas', 20));
  lifecycle.onStop('http', () => Promise.reject(new Error('no end')));
  lifecycle.onStop('callers', stop('callers', 40));
  const ending = lifecycle.stop();
  lifecycle.onStop('makers', stop('made too late', 0));
  await expect(ending).rejects.toThrow('no end');
  await expect(lifecycle.stop()).rejects.toThrow('no end');
  expect(stopped).toEqual(['made too late', 'callers', 'sagas', 'core']);
});
