import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import type { Connection } from '../../engine.js';
import { preparePlans } from '../../prepare.js';
import { applyStep, compensateStep } from '../../step.js';
import { postgres } from './index.js';
import { column, freshDatabase, type Fresh } from './testing/fixture.js';
import { startPooler } from '../../../../../testing/pooler.js';

const COLUMNS = [column({ name: 'id', type: 'integer', primary_key: true, generated: true })];
const LIMITS = { maxRewriteRows: 1000 };

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

/** How often this connection's session has read a table, by the plan that it keeps: null where it keeps none. */
async function looks(connection: Connection): Promise<{ anew: number; again: number } | null> {
  const [row] = await connection.look((session) =>
    session.query(
      'select custom_plans::int as anew, generic_plans::int as again from pg_prepared_statements ' +
        "where statement like '%relnatts%'",
    ),
  );
  return row === undefined ? null : { anew: Number(row['anew']), again: Number(row['again']) };
}

/** The looks so far after preparing, applying and undoing it. */
async function createAndUndo(connection: Connection, table: string): Promise<Awaited<ReturnType<typeof looks>>[]> {
  const key = { stepId: uuid(), token: 1, lockTimeoutMs: 1000 };
  const { plans } = await preparePlans(
    connection,
    uuid(),
    [{ do: 'create_table', table, columns: COLUMNS }],
    { columns: [], indexes: [] },
    LIMITS,
  );
  const { plan } = plans[0]!;
  const prepared = await looks(connection);
  await applyStep(connection, plan, key, LIMITS);
  const applied = await looks(connection);
  await compensateStep(connection, plan, key);
  return [prepared, applied, await looks(connection)];
}

describe('reading a table', () => {
  it('is planned once for a connection, and done twice in a step: before its statement and after', async () => {
    const connection = postgres.open(fresh.address);
    // Undoing looks a third time: with the table locked, so that no row can come before it is dropped.
    expect(await createAndUndo(connection, 'first')).toEqual([1, 3, 6].map((again) => ({ anew: 0, again })));
    await connection.close();
  });

  it('sees what others did after the last statement of the session', async () => {
    const connection = postgres.open(fresh.address);
    await fresh.admin.query('create table seen (a int)');
    const widths = await connection.exclusively({ tableId: 'seen', token: 1, lockTimeoutMs: 1000 }, async (session) => {
      const width = async (): Promise<number | undefined> => (await session.introspect('seen'))?.columns.length;
      const before = await width();
      await fresh.admin.query('alter table seen add b int');
      const meanwhile = await width();
      await session.run('select 1');
      return [before, meanwhile, await width()];
    });
    expect(widths).toEqual([1, 1, 2]);
    await connection.close();
  });

  it('leaves no named statement behind a pooler, where the session is not its own', async () => {
    for (const by of ['session', 'transaction'] as const) {
      const pooler = await startPooler(fresh.address.port, by);
      const connection = postgres.open({ ...fresh.address, port: pooler.port });
      expect(await createAndUndo(connection, `pooled_${by}`)).toEqual([null, null, null]);
      await connection.close();
      pooler.close();
    }
  });
});
