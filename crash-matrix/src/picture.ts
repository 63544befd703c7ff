import { fingerprint, type Connection, type LedgerRow, type LiveTable, type Session } from '#byodb';

type Row = Record<string, unknown>;

/** Everything that stands in one database, the project's own ledger left out. JSON. */
export interface Picture {
  /** Kind and name of every object in the catalog. */
  objects: string[];
  tables: { name: string; fingerprint: string; live: Omit<LiveTable, 'source'>; rows: Row[] }[];
}

const LEDGER = ['_saga_ledger', '_saga_fences', '_saga_identity'];
const CATALOG: Record<string, string> = {
  postgres: `
    select c.relname as name,
      case c.relkind when 'r' then 'table' when 'i' then 'index' when 'S' then 'sequence' else c.relkind::text end
        as kind
    from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`,
  mysql: `
    select if(table_type = 'VIEW', 'view', 'table') as kind, table_name as name
    from information_schema.tables
    where table_schema = database()
    union all
    select 'trigger', trigger_name
    from information_schema.triggers
    where trigger_schema = database()`,
  sqlite: "select type as kind, name from sqlite_schema where name not like 'sqlite\\_%' escape '\\'",
};

export async function takePicture(connection: Connection): Promise<Picture> {
  return connection.look(async (session) => {
    const found = (await session.query(CATALOG[connection.engine.name]!)).map((row) => ({
      kind: String(row['kind']),
      name: String(row['name']),
    }));
    const ours = found.filter(({ name }) => !LEDGER.some((ledger) => name.startsWith(ledger)));
    const tables: Picture['tables'] = [];
    for (const name of inOrder(ours.filter(({ kind }) => kind === 'table').map((o) => o.name)))
      tables.push(await takeTable(connection, session, name));
    return { objects: ours.map(({ kind, name }) => `${kind} ${name}`).sort(), tables };
  });
}

async function takeTable(connection: Connection, session: Session, name: string): Promise<Picture['tables'][number]> {
  const read = (await session.introspect(name))!;
  const { source: _private, ...live } = { ...read, uniques: inOrder(read.uniques), extras: inOrder(read.extras) };
  const { quote } = connection.engine.ddl;
  // By name: an invisible column of MariaDB's is not in `*`.
  const rows = await session.query(
    `select ${read.columns.map((column) => quote(column.name)).join(', ')} from ${quote(name)}`,
  );
  return { name, fingerprint: fingerprint(read), live, rows: inOrder(rows.map((row) => ({ ...row }))) };
}

function inOrder<T>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The ledger's rows about these steps. */
export async function readLedger(connection: Connection, steps: string[]): Promise<LedgerRow[]> {
  return connection.look(async (session) => {
    const rows: LedgerRow[] = [];
    for (const step of steps) rows.push(...(await session.readLedger(step)));
    return rows;
  });
}
