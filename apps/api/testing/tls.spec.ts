import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { query } from '../../../testing/fixtures.js';
import { startMariadb, type Server } from '../../../testing/servers.js';
import { start } from './processes.js';

// An authority of our own signs a certificate for one name at a time: whoever shows it under another one is an
// impostor.

let dir: string;
let server: Server;
const file = (name: string): string => join(dir, name);
const openssl = (...args: string[]): void => {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
};

/** `owner`: "DNS:localhost", "IP:127.0.0.1". */
async function certify(owner: string): Promise<void> {
  writeFileSync(file('owner.cnf'), `subjectAltName=${owner}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-days',
    '2',
    '-extfile',
    'owner.cnf',
    '-out',
    'server.pem',
  );
  if (server !== undefined) await query(server.url, 'flush ssl');
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'schemasaga-tls-'));
  chmodSync(dir, 0o755);
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=authority of a test',
  );
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
    '-subj',
    '/CN=server of a test',
  );
  chmodSync(file('server.key'), 0o644);
  await certify('DNS:localhost');
  server = await startMariadb({
    args: [`--ssl-cert=${file('server.pem')}`, `--ssl-key=${file('server.key')}`],
    files: [file('server.pem'), file('server.key')],
  });
  await query(server.url, 'create database customer');
  await query(server.url, 'create database core');
});
afterAll(async () => {
  await server.remove();
  rmSync(dir, { recursive: true });
});

test('a certificate is accepted under its own name alone, be that a name or an address', async () => {
  const { password, port } = new URL(server.url);
  const s = await start({ DATA_DIR: file('data'), NODE_EXTRA_CA_CERTS: file('ca.pem') });
  const register = async (name: string, host: string, tls: boolean | 'insecure'): Promise<[number, string]> => {
    const connection = { host, port: Number(port), user: 'root', password, database: 'customer', tls };
    const answer = await fetch(`${s.url}/databases`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, engine: 'mysql', connection }),
    });
    return [answer.status, JSON.stringify(await answer.json())];
  };
  try {
    const refused = expect.stringMatching(/does not match certificate/);
    expect(await register('a', '127.0.0.1', true)).toEqual([expect.any(Number), refused]);
    expect(await register('a', 'localhost', true)).toEqual([201, expect.any(String)]);
    await fetch(`${s.url}/databases/a`, { method: 'DELETE' });
    await certify('IP:127.0.0.1');
    expect(await register('b', 'localhost', true)).toEqual([expect.any(Number), refused]);
    expect(await register('b', '127.0.0.1', true)).toEqual([201, expect.any(String)]);
    await fetch(`${s.url}/databases/b`, { method: 'DELETE' });
    await certify('DNS:another.example');
    for (const host of ['localhost', '127.0.0.1'])
      expect(await register('c', host, true)).toEqual([expect.any(Number), refused]);
    expect(await register('c', '127.0.0.1', 'insecure')).toEqual([201, expect.any(String)]);
  } finally {
    await s.kill('SIGKILL');
  }
});

test('so is that of the core database', async () => {
  const { password, port } = new URL(server.url);
  const starts = async (host: string, mode: string): Promise<string> => {
    try {
      const s = await start({
        DATA_DIR: file('data-of-core'),
        NODE_EXTRA_CA_CERTS: file('ca.pem'),
        CORE_DATABASE_URL: `mysql://root:${password}@${host}:${port}/core?sslmode=${mode}`,
        LOG_LEVEL: 'error',
      });
      await s.kill('SIGKILL');
      return 'started';
    } catch (error) {
      return String(error);
    }
  };
  for (const [owner, right, wrong] of [
    ['DNS:localhost', 'localhost', '127.0.0.1'],
    ['IP:127.0.0.1', '127.0.0.1', 'localhost'],
  ] as const) {
    await certify(owner);
    expect(await starts(right, 'verify-full')).toBe('started');
    expect(await starts(wrong, 'verify-full')).toMatch(/does not match certificate/);
    expect(await starts(wrong, 'require')).toBe('started');
  }
});
