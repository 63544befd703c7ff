import { sql, sqlName } from './core-database.js';
import type { CoreDatabase, Queryable, Sql, Tx } from './core-database.js';
import { breathe } from './core/handle.js';
import { NewerCore } from './errors.js';
import type { EventStore } from './event-store.js';
import { migrating } from './migrate-lock.js';
import { ableTo, keepAppendsOut } from './order/alone.js';
import type { ReadModel } from './rebuild.js';
import { tablesNamed } from './shadow.js';

/** An event is at most some hundred kilobytes. */
const eventsAtOnce = 200;

export interface Lifting {
  /** Of the code that is running. */
  version: string;
  /** Hears before it begins: on a long log it takes a while. */
  onLift?(names: string[]): void;
}

/**
 * Makes every read model one of this code's shape, after `migrate` and before anything is served, and returns the names
 * of those that it made anew. Rows of an older shape are played again from the log, in one transaction that no append
 * and no other start overlaps; a model behind the log begins anew, and its follower catches up. Errors: NewerCore,
 * CoreUnavailable.
 */
export async function liftReadModels(
  core: CoreDatabase,
  store: EventStore,
  models: readonly ReadModel[],
  { version, onLift }: Lifting,
): Promise<string[]> {
  if ((await olderThanCode(core, models)).length === 0) return [];
  return migrating(
    core,
    async (tx) => {
      await waitForOthers(core.engine, tx);
      // Before anything is read: MySQL shows this transaction what was there at its first read.
      await keepAppendsOut(core.engine, tx);
      const older = await olderThanCode(tx, models);
      if (older.length === 0) return [];
      const names = older.map(({ projection }) => projection.name);
      const [first] = await tx.query(sql`select position from events order by position limit 1`);
      if (first !== undefined) {
        onLift?.(names);
        await beginAnew(tx, older);
        await replay(
          tx,
          store,
          older.filter(({ behind }) => behind === undefined),
        );
      }
      const written_at = new Date().toISOString();
      for (const {
        projection: { name },
        shape,
      } of older)
        await tx.upsert('read_model_shapes', ['name'], { name, shape, written_by: version, written_at });
      return first === undefined ? [] : names;
    },
    ableTo(core),
  );
}

/** Those of an older shape than the code's, or of none that is known. Errors: NewerCore. */
async function olderThanCode(db: Queryable, models: readonly ReadModel[]): Promise<ReadModel[]> {
  const rows = new Map(
    (await db.query(sql`select name, shape, written_by, written_at from read_model_shapes`)).map((row) => [
      String(row['name']),
      row,
    ]),
  );
  return models.filter(({ projection: { name }, shape }) => {
    const row = rows.get(name);
    if (row === undefined) return true;
    const found = Number(row['shape']);
    if (found > shape)
      throw new NewerCore(
        `its read model ${name} was written in shape ${found} by version ${String(row['written_by'])} on ` +
          `${String(row['written_at'])}, and this version knows shape ${shape}`,
      );
    return found < shape;
  });
}

/** MySQL's lock of the session is given back before the commit: whoever has it next waits here until that is done. */
async function waitForOthers(engine: CoreDatabase['engine'], tx: Tx): Promise<void> {
  if (engine === 'mysql') await tx.query(sql`select version from schema_migrations where version = 1 for update`);
}

async function beginAnew(tx: Tx, models: readonly ReadModel[]): Promise<void> {
  for (const { projection, tables, behind } of models) {
    for (const table of tables) await tx.execute(sql`delete from ${sqlName(table)}`);
    if (behind === true)
      await tx.execute(
        sql`update checkpoints set position = 0, failures = 0, error = null, failed_at = null
          where name = ${projection.name}`,
      );
  }
}

async function replay(tx: Tx, store: EventStore, models: readonly ReadModel[]): Promise<void> {
  for (let position = 0; ;) {
    // SQLite answers at once: a signal to stop would not be heard.
    await breathe();
    const events = await store.readWithin(tx, position, eventsAtOnce);
    const last = events.at(-1);
    if (last === undefined) return;
    position = last.position;
    for (const { projection, beside = [] } of models) await projection.apply(leaving(tx, beside), events);
  }
}

/**
 * The same transaction, in which what is no read model stays as it is: it was written when the event came, and not by
 * the event alone.
 */
function leaving(tx: Tx, beside: readonly string[]): Tx {
  if (beside.length === 0) return tx;
  const isBeside = (statement: Sql): boolean => tablesNamed(statement).some((name) => beside.includes(name));
  return {
    query: (statement) => tx.query(statement),
    execute: async (statement) => (isBeside(statement) ? 0 : tx.execute(statement)),
    upsert: async (table, key, row) => {
      if (!beside.includes(table)) await tx.upsert(table, key, row);
    },
  };
}
