import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreUnavailable, migrate, openCoreDatabase, type CoreDatabase, type Sql } from '../../event-store/src/index.js';
import { freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { Leases } from './lease.js';

const TTL_MS = 300;
let fresh: Fresh;
let core: CoreDatabase;
let [refusing, errors]: [RegExp | null, unknown[]] = [null, []];

beforeEach(async () => {
  fresh = await freshSqlite();
  core = await openCoreDatabase(fresh.url);
  await migrate(core);
  [refusing, errors] = [null, []];
});
afterEach(async () => {
  await core.close();
  await fresh.drop();
});

/** The core database as a process sees it that is cut off while it says one kind of thing. */
function cutOff(): CoreDatabase {
  return new Proxy(core, { get(target, key) {
    if (key === 'execute') return async (statement: Sql) => { if (refusing?.test(statement.texts.join('?'))) throw new CoreUnavailable('cut off'); return core.execute(statement); };
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? value.bind(target) as unknown : value;
  } });
}

test('a lease whose release was not heard runs out, though its process goes on holding others', async () => {
  const [ours, theirs] = [new Leases(cutOff(), 'ours', TTL_MS, (error) => errors.push(error)), new Leases(core, 'theirs', TTL_MS, (error) => errors.push(error))];
  await ours.acquire('kept');
  await ours.acquire('let go');
  refusing = /expires_at = 0/;
  await expect(ours.release('let go')).rejects.toMatchObject({ code: 'core_database_unavailable' });
  refusing = null;
  expect(await theirs.acquire('let go')).toBeNull();
  await sleep(2 * TTL_MS);
  expect(await theirs.acquire('let go')).not.toBeNull();
  expect(await theirs.acquire('kept')).toBeNull();
  await Promise.all([ours.release('kept'), theirs.release('let go')]);
  expect(errors).toEqual([]);
});
