import { expect, test } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHANGE_KINDS, tableEventSchemas, typeOf } from './index.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
/** What the folder holds beside one file for each kind of change. */
const FRAME = ['change-type.ts', 'index.ts'];

test('every file of the folder is a kind of change that is listed', async () => {
  const files = (await readdir(folder)).filter((file) => !file.endsWith('.spec.ts') && !FRAME.includes(file));
  const listed = new Set<unknown>(CHANGE_KINDS.map((kind) => typeOf({ kind })));
  for (const file of files) {
    const exported = Object.values((await import(`./${basename(file, '.ts')}.js`)) as object);
    expect({ file, types: exported.filter((one) => listed.has(one)).length }).toEqual({ file, types: 1 });
  }
  expect(files.length).toBe(listed.size);
});

test('every kind of change has its rules as examples beside it', async () => {
  const all = await readdir(folder);
  const files = all.filter((file) => !file.endsWith('.spec.ts') && !FRAME.includes(file));
  const without = files.filter((file) => !all.includes(file.replace(/\.ts$/, '.spec.ts')));
  expect(without).toEqual([]);
});

test('no two kinds of change share an event', () => {
  const types = [...new Set(CHANGE_KINDS.map((kind) => typeOf({ kind })))];
  const events = types.flatMap((type) => [type.requested.type, type.done.type]);
  expect(new Set(events).size).toBe(events.length);
  for (const event of events) expect(Object.keys(tableEventSchemas)).toContain(event);
});
