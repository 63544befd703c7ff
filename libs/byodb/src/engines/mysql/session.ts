import type { Connection as Driver } from 'mysql2/promise';
import type { Dependent, LedgerRow, Other, Session, Touch } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { foldName, isAside, isReserved, RESERVED, type Extra, type LiveTable } from '../../live.js';
import { foreignKeys, keysOver, keysThatSetNull, PARENT, type ForeignKey } from './foreign-keys.js';
import { everywhere, lacking, WHOLE_DATABASE } from './rights/grants.js';
import { hasIndexBeside, primaryMembers, readKey, restsOnPrimaryKey } from './keys/primary-and-unique.js';
import { translate } from './translate.js';
import type { Column } from '../../schema.js';
import { blank, literal, optionsOf, partitionKey, parts, quote, tokens, unquote } from './parser/ddl-text.js';
import { dropTriggers, makerOf, readTrigger, TRIGGERS, triggersOf } from './triggers/triggers.js';
import { readColumn } from './types.js';

type Row = Record<string, unknown>;

/** Tables as information_schema calls them; the second has WITH SYSTEM VERSIONING. */
const KINDS = ['BASE TABLE', 'SYSTEM VERSIONED'];

/** A foreign key's table, as it is called from here. */
const CHILD = `if(table_schema = database(), table_name, concat(table_schema, '.', table_name))`;

/** A lock that was not had in time, and a table left out since its definition is being changed. */
const SKIPPED = new Set([1205, 1684]);

/**
 * Whether a warning is of a table that matters: one of this database, which is not the service's own ledger, that another
 * connection makes sure of. A lock that was not had in time names no table.
 */
function isOurs(message: string, database: string): boolean {
  const named = /Table '([^']*)'\.'([^']*)'/.exec(message);
  if (named === null) return true;
  return named[1]!.toLowerCase() === database.toLowerCase() && !/^_saga_(ledger|fences|identity)$/i.test(named[2]!);
}

function readsCatalog(sql: string): boolean {
  return /\binformation_schema\b/i.test(sql);
}

/** One connection. */
export class MysqlSession implements Session {
  /** Its state is not known any more, so it must not go back into the pool. */
  broken = false;
  private frozen = false;

  constructor(
    private readonly driver: Driver,
    private readonly secrets: string[],
  ) {}

  async query(sql: string, values: unknown[] = []): Promise<Row[]> {
    try {
      const [rows] = await this.driver.query(values.length === 0 ? { sql } : { sql, values });
      if (readsCatalog(sql)) await this.refuseSkipped();
      return Array.isArray(rows) ? (rows as Row[]) : [rows as unknown as Row];
    } catch (error) {
      const translated = translate(error, this.secrets, true);
      if (translated.code === 'database_unreachable') this.broken = true;
      throw translated;
    }
  }

  /**
   * MariaDB leaves a table out of what it answers, or shows an error in place of its comment, while somebody else's DDL
   * holds it: only a warning says so. Taken for an answer, such a table would be gone, or have no triggers.
   */
  private async refuseSkipped(): Promise<void> {
    const [warnings] = await this.driver.query('show warnings');
    const told = (warnings as Row[]).filter((row) => SKIPPED.has(Number(row['Code'])));
    if (told.length === 0) return;
    const [[own]] = (await this.driver.query('select database() as name')) as unknown as [Row[]];
    const skipped = told.find((row) => isOurs(String(row['Message']), String(own!['name'])));
    if (skipped === undefined) return;
    throw new DatabaseError(
      'lock_timeout',
      `a table is being changed by somebody else: ${String(skipped['Message'])}`,
      {
        retryable: true,
        outcome: 'not_applied',
        details: { errno: Number(skipped['Code']) },
      },
    );
  }

  async run(sql: string): Promise<void> {
    await this.query(sql);
  }

  async introspect(table: string): Promise<LiveTable | null> {
    const [found] = await this.query(
      'select table_name as name, table_comment as comment from information_schema.tables where ' +
        'table_schema = database() and table_type in (?, ?) and table_name = ?',
      [...KINDS, table],
    );
    if (found === undefined) return null;
    const [row] = await this.query(`SHOW CREATE TABLE ${quote(table)}`);
    const triggers = await this.query(TRIGGERS, [table]);
    const owner = /^schemasaga (\S+)$/.exec(String(found['comment']))?.[1] ?? null;
    const live: LiveTable = {
      name: String(found['name']),
      columns: [],
      primaryKey: [],
      uniques: [],
      extras: [],
      owner,
      source: null,
    };
    const create = String(row!['Create Table']);
    live.source = create;
    for (const part of parts(create)) this.read(live, part);
    live.extras.push({ kind: 'options', name: '', definition: optionsOf(create) });
    for (const trigger of triggers)
      live.extras.push(
        readTrigger(trigger, trigger['shown'] === null ? null : await this.triggerText(String(trigger['name']))),
      );
    if (owner === null && found['comment'] !== '')
      live.extras.push({ kind: 'comment', name: '', definition: String(found['comment']) });
    return live;
  }

  private async triggerText(name: string): Promise<string> {
    const [row] = await this.query(`SHOW CREATE TRIGGER ${quote(name)}`);
    return String(row!['SQL Original Statement']);
  }

  private read(live: LiveTable, part: string): void {
    const words = tokens(part);
    if (part.startsWith('`')) {
      live.columns.push(readColumn(unquote(words[0]!), part.slice(words[0]!.length).trim()));
    } else if (/^(PRIMARY|UNIQUE) KEY /.test(part)) readKey(live, part);
    else {
      const name = words.find((w) => w.startsWith('`')) ?? '``';
      // InnoDB names a foreign key after its table and renames it with it: the name says nothing.
      const auto = /^CONSTRAINT `.*_ibfk_\d+` FOREIGN KEY/.test(part);
      const kind = / FOREIGN KEY /.test(blank(part))
        ? 'foreign key'
        : part.startsWith('CONSTRAINT')
          ? 'check'
          : part.split(/ [`(]/)[0]!;
      live.extras.push({
        kind,
        name: auto ? '' : unquote(name),
        definition: auto ? part.replace(/^CONSTRAINT `[^`]+` /, '') : part,
      } satisfies Extra);
    }
  }

  async occupant(name: string): Promise<string | null> {
    const [row] = await this.query(
      'select table_type as type from information_schema.tables where table_schema = database() and ' +
        'lower(table_name) = lower(?)',
      [name],
    );
    return row === undefined ? null : /VIEW/.test(String(row['type'])) ? 'view' : 'table';
  }

  async dependents(table: string, column: string | null, change: Touch = 'remove'): Promise<Dependent[]> {
    await this.refuseUnseen();
    const [own] = await this.query('select database() as d');
    const qualified = `${quote(String(own!['d']))}.${quote(table)}`;
    const like = `%${table.replaceAll('_', '\\_')}%`;
    // A view's text is normalised, every name in it quoted and every table's with its database; a trigger's is as it
    // was written.
    const views = await this.query(
      'select table_schema as d, table_name as name, view_definition as body from information_schema.views ' +
        'where view_definition like ?',
      [like],
    );
    const triggers = await this.query(
      `select trigger_schema as d, trigger_name as name, event_object_table as tbl, action_statement as body,
        sql_mode as mode
      from information_schema.triggers
      where trigger_schema = database() or action_statement like ?`,
      [like],
    );
    const keys = await this.query(
      `select constraint_name as name, referenced_column_name as col, ${CHILD} as child,
        table_schema = database() and table_name = ? as own
      from information_schema.key_column_usage
      where referenced_table_schema = database() and referenced_table_name = ?
      order by ordinal_position`,
      [table, table],
    );
    const here = String(own!['d']);
    const found: Dependent[] = views
      .filter((v) => has(v['body'], qualified) && (column === null || has(v['body'], quote(column))))
      .map((v) => ({ kind: 'view', name: asSeenFrom(here, v) }));
    // Followed by the server in a rename. A key from the table to itself goes where the table goes; but what refers to
    // a column that is away can have no new rows.
    for (const k of change === 'rename' ? [] : keys)
      if (column === null ? Number(k['own']) === 0 : foldName(String(k['col'])) === foldName(column))
        found.push({ kind: 'foreign key', name: asReferring(k) });
    for (const t of triggers) {
      const isOwn = t['d'] === here && foldName(String(t['tbl'])) === foldName(table);
      if (isOwn ? column !== null && says(t, column) : reaches(t, here, table, column))
        found.push({ kind: 'trigger', name: asSeenFrom(here, t) });
    }
    found.push(...(await this.inRoutines(here, table, column, like)));
    if (column === null) return found;
    if (change === 'remove') found.push(...(await this.restingOn(table, column, keys)));
    const within = await this.within(table, column, change);
    // MariaDB follows in all else, MySQL refuses; but a default is known by its text.
    return [
      ...found,
      ...(change === 'rename' && (await this.isMariaDb()) ? within.filter((d) => d.kind === 'default') : within),
    ];
  }

  /**
   * As far as their texts are shown: to who made them, and to who may read those of all. They are followed by nobody,
   * and fail at their next call.
   */
  private async inRoutines(here: string, table: string, column: string | null, like: string): Promise<Dependent[]> {
    const bodies = await this.query(
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
      .filter((body) => reaches(body, here, table, column))
      .map((body) => ({ kind: String(body['kind']), name: asSeenFrom(here, body) }));
  }

  /** Foreign keys to other columns, which find no index but the primary key: that goes with the column. */
  private async restingOn(table: string, column: string, keys: readonly Row[]): Promise<Dependent[]> {
    const live = await this.introspect(table);
    if (
      live === null ||
      !primaryMembers(live).some((name) => foldName(name) === foldName(column)) ||
      live.columns.some((c) => c.generated && foldName(c.name) === foldName(column))
    )
      return [];
    const names = [...new Set(keys.map(asReferring))].filter((name) => {
      const columns = keys.filter((k) => asReferring(k) === name).map((k) => foldName(String(k['col'])));
      return !columns.includes(foldName(column)) && restsOnPrimaryKey(live, columns);
    });
    return names.map((name) => ({ kind: 'foreign key', name }));
  }

  /** What hangs on a column in its own table. */
  private async within(table: string, column: string, change: Touch): Promise<Dependent[]> {
    const found: Dependent[] = [];
    const live = await this.introspect(table);
    // What the column refers to by is dropped with it and follows a new name, but is of its type.
    if (live !== null && change === 'retype')
      found.push(
        ...foreignKeys(live)
          .filter((key) => key.columns.some((c) => foldName(c) === foldName(column)))
          .map(asDependent),
      );
    for (const e of live?.extras ?? []) {
      if (e.kind === 'check' && has(e.definition, quote(column))) found.push({ kind: 'check', name: e.name });
      // Its two columns are of one type, and there as long as it is.
      if (e.kind === 'PERIOD FOR' && has(e.definition, quote(column))) found.push({ kind: 'period', name: e.name });
      // Without it a row has no partition, or not its own.
      if (
        e.kind === 'options' &&
        change === 'remove' &&
        partitionKey(e.definition).some((name) => foldName(name) === foldName(column))
      )
        found.push({ kind: 'partition key', name: column });
    }
    for (const c of live?.columns ?? []) {
      if (foldName(c.name) === foldName(column) || !has(c.definition, quote(column))) continue;
      found.push({
        kind: / AS \(/.test(c.definition)
          ? 'generated column'
          : /CHECK \(.*/is.exec(c.definition) !== null && has(/CHECK \(.*/is.exec(c.definition)![0], quote(column))
            ? 'check'
            : 'default',
        name: c.name,
      });
    }
    return found;
  }

  private async isMariaDb(): Promise<boolean> {
    const [row] = await this.query('select version() as v');
    return /MariaDB/i.test(String(row!['v']));
  }

  async forbidding(live: LiveTable, from: Column | null, to: Column): Promise<Dependent[]> {
    if (from === null) return [];
    const found: Dependent[] = from.nullable && !to.nullable ? keysThatSetNull(live, from.name).map(asDependent) : [];
    if (!from.unique || to.unique || hasIndexBeside(live, from.name)) return found;
    const inbound = await this.query(
      `select ${CHILD} as child, constraint_name as name
      from information_schema.key_column_usage
      where referenced_table_schema = database() and referenced_table_name = ?
      group by constraint_schema, table_name, constraint_name
      having count(*) = 1 and lower(max(referenced_column_name)) = lower(?)`,
      [live.name, from.name],
    );
    return [
      ...found,
      ...keysOver(live, from.name).map(asDependent),
      ...inbound.map((k) => ({ kind: 'foreign key', name: `${String(k['child'])}.${String(k['name'])}` })),
    ];
  }

  /** Triggers' names; all of a table's or none, as they run in the order in which they were made. */
  async freeNames(aside: string): Promise<string[]> {
    const live = await this.introspect(aside);
    const triggers = live === null ? [] : triggersOf(live);
    for (const trigger of triggers) if (!(await this.canRemake(trigger))) return [];
    return dropTriggers(triggers);
  }

  /**
   * To the letter: under its definer's name, and in its database's collation. MySQL does not run a statement under
   * another mode.
   */
  private async canRemake(trigger: Extra): Promise<boolean> {
    const { user, lines } = await this.grants();
    const major = `substring_index(version(), '.', 1)`;
    const minor = `substring_index(substring_index(version(), '.', 2), '.', -1)`;
    const asked = `
      select version() like '%MariaDB%' and ${major} * 100 + ${minor} >= 1006 as able,
        @@log_bin = 0 or @@log_bin_trust_function_creators = 1 as trusts,
        (select count(*) from information_schema.triggers
          where trigger_schema = database() and trigger_name = ${literal(trigger.name)}
            and database_collation = @@collation_database) as collates`;
    const [server] = await this.query(asked);
    if (Number(server!['able']) !== 1 || (Number(server!['trusts']) !== 1 && !everywhere(lines, []))) return false;
    const { definer, isKnown } = makerOf(trigger);
    return isKnown && Number(server!['collates']) === 1 && (definer === user || everywhere(lines, ['SET USER']));
  }

  /** The catalog hides what a user may not see, and what is not seen would be taken for what is not there. */
  private async refuseUnseen(): Promise<void> {
    const { user, database, lines } = await this.grants();
    const asked = `
      select
        exists (select 1 from information_schema.triggers
          where trigger_schema = database() and action_statement is null) as triggers,
        exists (select 1 from information_schema.views
          where table_schema = database() and view_definition = '') as views`;
    const [hidden] = await this.query(asked);
    const unseen = (right: 'trigger' | 'show view', among: string): boolean =>
      Number(hidden![among]) === 1 || lacking(lines, right, database, WHOLE_DATABASE);
    const missing = [
      ...(unseen('trigger', 'triggers') ? ['TRIGGER'] : []),
      ...(unseen('show view', 'views') ? ['SHOW VIEW'] : []),
    ];
    if (missing.length > 0)
      throw new DatabaseError(
        'permission_denied',
        `user ${user} has no right ${missing.join(' and ')} on database ${database}, without which what ` +
          'depends on a table is not seen',
      );
  }

  private async grants(): Promise<{ user: string; database: string; lines: string[] }> {
    const [who] = await this.query('select database() as d, current_user() as u');
    const rows = await this.query('show grants');
    return {
      user: String(who!['u']),
      database: String(who!['d']),
      lines: rows.map((row) => String(Object.values(row)[0])),
    };
  }

  /** Roles and patterns may give what is not seen here: then only the statement itself tells. */
  async lacksRight(action: 'create' | 'alter', table: string | null): Promise<string | null> {
    const { user, database, lines } = await this.grants();
    if (lacking(lines, action, database, table))
      return (
        `user ${user} may not ${action} ${action === 'create' ? 'tables' : `table ${table}`} in database ` +
        `${database}`
      );
    // Without it rows could be written between a look at them and the statement that depends on it.
    return action === 'alter' && lacking(lines, 'lock tables', database, null)
      ? `user ${user} may not lock tables in database ${database}`
      : null;
  }

  /**
   * Also keeps what reads the rows from waiting for a later lock: the one that an ALTER needs is had. ALTER keeps it;
   * only this table and the catalog may be looked at meanwhile.
   */
  async freeze(table: string, reading: string[] = []): Promise<() => Promise<void>> {
    // Under the name that `needsOf` looks rows up by, too: a lock is on a name in a statement.
    const others = [...new Set(reading)].flatMap((name) => [
      ...(foldName(name) === foldName(table) ? [] : [quote(name)]),
      `${quote(name)} AS ${quote(PARENT)}`,
    ]);
    await this.run(`LOCK TABLES ${[`${quote(table)} WRITE`, ...others.map((name) => `${name} READ`)].join(', ')}`);
    this.frozen = true;
    return () => this.thaw();
  }

  /** A session that is gone has unlocked already. */
  async thaw(): Promise<void> {
    if (!this.frozen || this.broken) return;
    await this.run('UNLOCK TABLES');
    this.frozen = false;
  }

  async readLedger(stepId: string): Promise<LedgerRow[]> {
    const rows = await this.query('select * from `_saga_ledger` where step_id = ?', [stepId]);
    return rows.map(
      (r) => ({ ...r, statements: JSON.parse(String(r['statements'])) as string[] }) as unknown as LedgerRow,
    );
  }

  async writeLedger(row: LedgerRow): Promise<void> {
    await this.query(
      'replace into `_saga_ledger` (step_id, direction, state, fingerprint_before, fingerprint_after, ' +
        'statements, recorded_at) values (?, ?, ?, ?, ?, ?, ?)',
      [
        row.step_id,
        row.direction,
        row.state,
        row.fingerprint_before,
        row.fingerprint_after,
        JSON.stringify(row.statements),
        row.recorded_at,
      ],
    );
  }

  async tables(): Promise<string[]> {
    const rows = await this.query(
      'select table_name as name from information_schema.tables where table_schema = database() and ' +
        `table_type in (${KINDS.map(literal).join(', ')}) order by table_name`,
    );
    return rows.map((r) => String(r['name'])).filter((n) => !isAside(n));
  }

  /** Views, sequences, and whatever else has a table's name. Temporary tables are their own session's alone. */
  async others(): Promise<Other[]> {
    const rows = await this.query(
      'select table_name as name, table_type as type from information_schema.tables where table_schema = ' +
        'database() order by table_name',
    );
    return rows
      .map((row) => ({ name: String(row['name']), type: String(row['type']) }))
      .filter(({ name, type }) => isReserved(name) || (!isAside(name) && !KINDS.includes(type)))
      .map(({ name, type }) => {
        if (KINDS.includes(type)) return { name, kind: 'table', reason: RESERVED };
        const kind = type.includes('VIEW') ? 'view' : type.toLowerCase();
        return { name, kind, reason: `it is a ${kind}` };
      });
  }
}

function asReferring(key: Row): string {
  return `${String(key['child'])}.${String(key['name'])}`;
}

function asDependent(key: ForeignKey): Dependent {
  return { kind: 'foreign key', name: key.name };
}

/** Both quoted, outside of any literal. */
function has(text: unknown, name: string): boolean {
  return blank(String(text)).toLowerCase().includes(name.toLowerCase());
}

/** As a word, outside of any literal or comment. */
function says({ body, mode }: Row, name: string): boolean {
  return new RegExp(`(^|[^A-Za-z0-9_$])${name.replace(/[^A-Za-z0-9_]/g, '\\$&')}([^A-Za-z0-9_$]|$)`, 'i').test(
    blank(String(body), String(mode)),
  );
}

/** A text of another database can only mean a table here by this one's name. */
function reaches(text: Row, here: string, table: string, column: string | null): boolean {
  return (text['d'] === here || says(text, here)) && says(text, table) && (column === null || says(text, column));
}

function asSeenFrom(here: string, { d, name }: Row): string {
  return d === here ? String(name) : `${String(d)}.${String(name)}`;
}
