import { jsonOf, sql, type InlineProjection, type Queryable, type StoredEvent, type Tx } from '#event-store';
import { evolveDatabase, type Database } from './database.js';
import { databaseStreams } from './events.js';

/** One row per registered database; kept in the appending transaction. */
export const databasesProjection: InlineProjection = {
  name: 'databases',
  async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
    for (const event of events) {
      const id = databaseStreams.idOf(event.stream);
      if (id !== null) await project(tx, id, event);
    }
  },
};

async function project(tx: Tx, id: string, event: StoredEvent): Promise<void> {
  const body = databaseStreams.decode(event);
  const before = body.type === 'DatabaseRegistered' ? null : await loadDatabase(tx, id);
  const database = evolveDatabase(before, body, {
    database_id: id,
    version: event.version,
    recorded_at: event.recorded_at,
  });
  if (database === null) {
    await tx.execute(sql`delete from customer_databases where database_id = ${id}`);
    await tx.execute(sql`delete from credentials where database_id = ${id}`);
  } else if (before === null) {
    await tx.execute(
      sql`insert into customer_databases (database_id, name, position, state) values (${id}, ${database.name},
        ${event.position}, ${JSON.stringify(database)})`,
    );
  } else {
    await tx.execute(sql`update customer_databases set state = ${JSON.stringify(database)} where database_id = ${id}`);
  }
}

export async function loadDatabase(db: Queryable, id: string): Promise<Database | null> {
  const [row] = await db.query(sql`select state from customer_databases where database_id = ${id}`);
  return row === undefined ? null : jsonOf<Database>(row, 'state');
}

export async function findDatabase(db: Queryable, name: string): Promise<Database | null> {
  const [row] = await db.query(sql`select state from customer_databases where name = ${name}`);
  return row === undefined ? null : jsonOf<Database>(row, 'state');
}

/** Newest first. */
export async function listDatabases(
  db: Queryable,
  filter: { before?: number; limit: number },
): Promise<{ database: Database; position: number }[]> {
  const rows = await db.query(
    sql`select state, position from customer_databases where position < ${filter.before ?? Number.MAX_SAFE_INTEGER}
      order by position desc limit ${filter.limit}`,
  );
  return rows.map((row) => ({
    database: jsonOf<Database>(row, 'state'),
    position: Number(row['position']),
  }));
}
