import { firstRow } from '../../first-row.js';
import { foldName } from '../../live.js';
import type { Dependent, Touch } from '../../session.js';
import type { Querying, Row } from './driver/querying.js';
import { foreignKeys, type ForeignKey } from './foreign-keys.js';
import { introspect } from './introspect.js';
import { primaryMembers, restsOnPrimaryKey } from './keys/primary-and-unique.js';
import { blank, partitionKey } from './parser/ddl-text.js';
import { refuseUnseen } from './rights/rights.js';
import { quote } from './sql.js';

/** A foreign key's table, as it is called from here. */
export const CHILD = `if(table_schema = database(), table_name, concat(table_schema, '.', table_name))`;

export async function dependents(
  session: Querying,
  table: string,
  column: string | null,
  change: Touch = 'remove',
): Promise<Dependent[]> {
  await refuseUnseen(session);
  const own = firstRow(await session.query('select database() as d'));
  const qualified = `${quote(String(own['d']))}.${quote(table)}`;
  const like = `%${table.replaceAll('_', '\\_')}%`;
  // A view's text is normalised, every name in it quoted and every table's with its database; a trigger's is as it
  // was written.
  const views = await session.query(
    'select table_schema as d, table_name as name, view_definition as body from information_schema.views ' +
      'where view_definition like ?',
    [like],
  );
  const triggers = await session.query(
    `select trigger_schema as d, trigger_name as name, event_object_table as tbl, action_statement as body,
      sql_mode as mode
    from information_schema.triggers
    where trigger_schema = database() or action_statement like ?`,
    [like],
  );
  const keys = await session.query(
    `select constraint_name as name, referenced_column_name as col, ${CHILD} as child,
      table_schema = database() and table_name = ? as own
    from information_schema.key_column_usage
    where referenced_table_schema = database() and referenced_table_name = ?
    order by ordinal_position`,
    [table, table],
  );
  const here = String(own['d']);
  const found: Dependent[] = views
    .filter((v) => mentionsName(v['body'], qualified) && (column === null || mentionsName(v['body'], quote(column))))
    .map((v) => ({ kind: 'view', name: nameSeenFrom(here, v) }));
  // Followed by the server in a rename. A key from the table to itself goes where the table goes; but what refers to
  // a column that is away can have no new rows.
  for (const k of change === 'rename' ? [] : keys)
    if (column === null ? Number(k['own']) === 0 : foldName(String(k['col'])) === foldName(column))
      found.push({ kind: 'foreign key', name: referringKeyName(k) });
  for (const t of triggers) {
    const isOwn = t['d'] === here && foldName(String(t['tbl'])) === foldName(table);
    if (isOwn ? column !== null && mentionsWord(t, column) : mentionsTable(t, here, table, column))
      found.push({ kind: 'trigger', name: nameSeenFrom(here, t) });
  }
  found.push(...(await inRoutines(session, here, table, column, like)));
  if (column === null) return found;
  if (change === 'remove') found.push(...(await restingOn(session, table, column, keys)));
  const inOwnTable = await withinTable(session, table, column, change);
  // MariaDB follows in all else, MySQL refuses; but a default is known by its text.
  return [
    ...found,
    ...(change === 'rename' && (await isMariaDb(session))
      ? inOwnTable.filter((d) => d.kind === 'default')
      : inOwnTable),
  ];
}

/**
 * As far as their texts are shown: to who made them, and to who may read those of all. They are followed by nobody,
 * and fail at their next call.
 */
async function inRoutines(
  session: Querying,
  here: string,
  table: string,
  column: string | null,
  like: string,
): Promise<Dependent[]> {
  const bodies = await session.query(
    `select routine_schema as d, lower(routine_type) as kind, routine_name as name, routine_definition as body,
      sql_mode as mode
    from information_schema.routines
    where routine_definition like ?
    union all
    select event_schema, 'event', event_name, event_definition, sql_mode
    from information_schema.events
    where event_definition like ?`,
    [like, like],
  );
  return bodies
    .filter((body) => mentionsTable(body, here, table, column))
    .map((body) => ({ kind: String(body['kind']), name: nameSeenFrom(here, body) }));
}

/** Foreign keys to other columns, which find no index but the primary key: that goes with the column. */
async function restingOn(session: Querying, table: string, column: string, keys: readonly Row[]): Promise<Dependent[]> {
  const live = await introspect(session, table);
  if (
    live === null ||
    !primaryMembers(live).some((name) => foldName(name) === foldName(column)) ||
    live.columns.some((c) => c.generated && foldName(c.name) === foldName(column))
  )
    return [];
  const names = [...new Set(keys.map(referringKeyName))].filter((name) => {
    const columns = keys.filter((k) => referringKeyName(k) === name).map((k) => foldName(String(k['col'])));
    return !columns.includes(foldName(column)) && restsOnPrimaryKey(live, columns);
  });
  return names.map((name) => ({ kind: 'foreign key', name }));
}

/** What hangs on a column in its own table. */
async function withinTable(session: Querying, table: string, column: string, change: Touch): Promise<Dependent[]> {
  const found: Dependent[] = [];
  const live = await introspect(session, table);
  // What the column refers to by is dropped with it and follows a new name, but is of its type.
  if (live !== null && change === 'retype')
    found.push(
      ...foreignKeys(live)
        .filter((key) => key.columns.some((c) => foldName(c) === foldName(column)))
        .map(asDependent),
    );
  for (const e of live?.extras ?? []) {
    if (e.kind === 'check' && mentionsName(e.definition, quote(column))) found.push({ kind: 'check', name: e.name });
    // Its two columns are of one type, and there as long as it is.
    if (e.kind === 'PERIOD FOR' && mentionsName(e.definition, quote(column)))
      found.push({ kind: 'period', name: e.name });
    // Without it a row has no partition, or not its own.
    if (
      e.kind === 'options' &&
      change === 'remove' &&
      partitionKey(e.definition).some((name) => foldName(name) === foldName(column))
    )
      found.push({ kind: 'partition key', name: column });
  }
  for (const c of live?.columns ?? []) {
    if (foldName(c.name) === foldName(column) || !mentionsName(c.definition, quote(column))) continue;
    const [check = ''] = /CHECK \(.*/is.exec(c.definition) ?? [];
    found.push({
      kind: / AS \(/.test(c.definition) ? 'generated column' : mentionsName(check, quote(column)) ? 'check' : 'default',
      name: c.name,
    });
  }
  return found;
}

async function isMariaDb(session: Querying): Promise<boolean> {
  const row = firstRow(await session.query('select version() as v'));
  return /MariaDB/i.test(String(row['v']));
}

export function asDependent(key: ForeignKey): Dependent {
  return { kind: 'foreign key', name: key.name };
}

export function referringKeyName(key: Row): string {
  return `${String(key['child'])}.${String(key['name'])}`;
}

/** Both quoted, outside of any literal. */
function mentionsName(text: unknown, name: string): boolean {
  return blank(String(text)).toLowerCase().includes(name.toLowerCase());
}

/** As a word, outside of any literal or comment. */
function mentionsWord({ body, mode }: Row, name: string): boolean {
  return new RegExp(`(^|[^A-Za-z0-9_$])${name.replace(/[^A-Za-z0-9_]/g, '\\$&')}([^A-Za-z0-9_$]|$)`, 'i').test(
    blank(String(body), String(mode)),
  );
}

/** A text of another database can only mean a table here by this one's name. */
function mentionsTable(text: Row, here: string, table: string, column: string | null): boolean {
  return (
    (text['d'] === here || mentionsWord(text, here)) &&
    mentionsWord(text, table) &&
    (column === null || mentionsWord(text, column))
  );
}

function nameSeenFrom(here: string, { d, name }: Row): string {
  return d === here ? String(name) : `${String(d)}.${String(name)}`;
}
