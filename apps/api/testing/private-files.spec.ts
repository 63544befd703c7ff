import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { service, WAIT } from './service.js';

let dir: string;
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'schemasaga-')), 'data');
});
afterEach(async () => {
  await rm(join(dir, '..'), { recursive: true, force: true });
});

const key = (): string => join(dir, 'credentials.key');
const starting = (): Promise<unknown> => startApp(readConfig({ PORT: '0', DATA_DIR: dir, LOG_LEVEL: 'silent' }));

test('the data folder and what lies in it is for its owner alone, also where it was made otherwise', async () => {
  for (let start = 0; start < 2; start++) {
    const s = await service({ DATA_DIR: dir });
    expect((await s.call('POST', '/table/create', { name: `t${start}` }, WAIT)).status).toBe(200);
    const modes = await Promise.all(
      (await readdir(dir)).map(async (file) => [file, ((await stat(join(dir, file))).mode & 0o777).toString(8)]),
    );
    expect(modes.length).toBeGreaterThan(4);
    expect(modes).toEqual(modes.map(([file]) => [file, '600']));
    expect(((await stat(dir)).mode & 0o777).toString(8)).toBe('700');
    await s.app.stop();
    if (start === 0) await Promise.all([...(await readdir(dir))].map(async (file) => chmod(join(dir, file), 0o644)));
    if (start === 0) await chmod(key(), 0o600);
  }
});

test('a folder where others keep something stays open to them', async () => {
  await mkdir(dir, { mode: 0o755 });
  await writeFile(join(dir, 'theirs.txt'), '');
  await chmod(dir, 0o755);
  await (await service({ DATA_DIR: dir })).app.stop();
  expect(((await stat(dir)).mode & 0o777).toString(8)).toBe('755');
});

test('an empty key file, left by a crash, stops no start', async () => {
  await (await service({ DATA_DIR: dir })).app.stop();
  await rm(dir, { recursive: true });
  await mkdir(dir);
  await writeFile(key(), '');
  const s = await service({ DATA_DIR: dir });
  expect(await readFile(key(), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
  await s.app.stop();
});

test('a lost key is not replaced before the start is refused', async () => {
  await (await service({ DATA_DIR: dir })).app.stop();
  const kept = await readFile(key(), 'utf8');
  for (const left of [null, '']) {
    await rm(key(), { force: true });
    if (left !== null) await writeFile(key(), left);
    await expect(starting()).rejects.toThrow('encrypted with another key');
    expect(await readFile(key(), 'utf8').catch(() => null)).toBe(left);
  }
  await writeFile(key(), kept);
  await (await service({ DATA_DIR: dir })).app.stop();
});
