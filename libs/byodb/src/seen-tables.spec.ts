import { describe, expect, it } from '@jest/globals';
import type { LiveTable } from './live.js';
import { SeenTables } from './seen-tables.js';

const table = (name: string): LiveTable => ({
  name,
  columns: [],
  primaryKey: [],
  uniques: [],
  extras: [],
  owner: null,
  source: null,
});

describe('tables that a session has seen', () => {
  it('are read once, also those that are not there', async () => {
    const read: string[] = [];
    const seen = new SeenTables(async (name) => {
      read.push(name);
      return name === 'none' ? null : table(name);
    });
    expect(await seen.of('a')).toBe(await seen.of('a'));
    expect([await seen.of('none'), await seen.of('none')]).toEqual([null, null]);
    expect(await Promise.all([seen.of('b'), seen.of('b')])).toEqual([table('b'), table('b')]);
    expect(read).toEqual(['a', 'none', 'b']);
  });

  it('are read again once they are forgotten', async () => {
    let reads = 0;
    const seen = new SeenTables(async () => table(`read ${++reads}`));
    await seen.of('a');
    seen.forget();
    expect(await seen.of('a')).toEqual(table('read 2'));
  });

  it('are read again where reading failed', async () => {
    let reads = 0;
    const seen = new SeenTables(async () => {
      reads += 1;
      if (reads === 1) throw new Error('away');
      return table('a');
    });
    await expect(seen.of('a')).rejects.toThrow('away');
    expect(await seen.of('a')).toEqual(table('a'));
  });
});
