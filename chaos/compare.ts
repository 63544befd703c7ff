import { native, plainNative, type Column, type EngineName, type Literal } from './columns.js';
import { expectedValues, type ModelTable, type WrittenRow } from './model.js';

export interface Found {
  kind: 'inconsistency' | 'lost row' | 'stuck';
  table: number | null;
  database: string | null;
  message: string;
  sagaId?: string;
}

export interface LiveColumn {
  name: string;
  native: string;
  nullable: boolean;
  unique: boolean;
  primaryKey: boolean;
  hasDefault: boolean;
}
/** As plain SQL reads it, without what is set aside in it. */
export interface LiveTable {
  name: string;
  columns: LiveColumn[];
  aside: string[];
}
export type LiveRow = Record<string, string | null>;

/** GET /tables/{id}, as far as it is looked at. */
export interface Shown {
  table_id: string;
  name: string;
  exists: boolean;
  synced: boolean;
  status: string;
  databases: string[];
  columns: Record<
    string,
    {
      name: string;
      type: string;
      length?: number;
      precision?: number;
      scale?: number;
      nullable: boolean;
      default: unknown;
      unique: boolean;
      primary_key: boolean;
      generated: boolean;
    }
  >;
}
export interface ShownSaga {
  saga_id: string;
  kind: string;
  table_id: string;
  status: string;
  error: { code: string; message: string; database: string | null } | null;
  started_at: string | null;
  steps: {
    step_id: string;
    database: string;
    operation: string;
    phase: string;
    status: string;
    fingerprint_before: string | null;
    fingerprint_after: string | null;
    started_at?: string | null;
    finished_at?: string | null;
    error: { code: string; message: string } | null;
  }[];
}

export function compareSchema(
  model: ModelTable,
  database: string,
  engine: EngineName,
  live: LiveTable | undefined,
): Found[] {
  const say = (message: string): Found => ({ kind: 'inconsistency', table: model.table, database, message });
  if (!model.exists) return live === undefined ? [] : [say(`${model.name} is there, though it must not be`)];
  if (live === undefined) return [say(`${model.name} is not there`)];
  const extras = model.extras?.get(database) ?? new Set();
  const there = inOrder(
    model,
    live.columns.filter((c) => !extras.has(c.name)),
  );
  const known = inOrder(model, model.columns);
  const names = there.map((c) => c.name);
  const wanted = known.map((c) => c.name);
  if (JSON.stringify(names) !== JSON.stringify(wanted))
    return [say(`${model.name} has columns ${names.join(', ')}, and must have ${wanted.join(', ')}`)];
  return known.flatMap((column, i) =>
    compareColumn(column, engine, there[i]!).map((text) => say(`${model.name}.${column.name}: ${text}`)),
  );
}

/** By name where what came back may stand elsewhere. */
function inOrder<T extends { name: string }>(model: ModelTable, all: readonly T[]): T[] {
  return model.loose === true ? [...all].sort((a, b) => (a.name < b.name ? -1 : 1)) : [...all];
}

function compareColumn(column: Column, engine: EngineName, live: LiveColumn): string[] {
  const found: string[] = [];
  const differs = (what: string, is: unknown, must: unknown): void => {
    if (is !== must) found.push(`${what} is ${String(is)}, and must be ${String(must)}`);
  };
  differs('type', plainNative(engine, live.native), native(engine, column));
  differs('primary key', live.primaryKey, column.primaryKey);
  if (column.primaryKey) return found;
  differs('nullable', live.nullable, column.nullable);
  differs('unique', live.unique, column.unique);
  differs('having a default', live.hasDefault, column.default !== null);
  return found;
}

export function compareShown(model: ModelTable, shown: Shown | null): Found[] {
  const found: Found[] = [];
  const differs = (what: string, is: unknown, must: unknown): void => {
    if (JSON.stringify(is) !== JSON.stringify(must))
      found.push({
        kind: 'inconsistency',
        table: model.table,
        database: null,
        message: `GET /tables/{id}: ${what} is ${JSON.stringify(is)}, and must be ${JSON.stringify(must)}`,
      });
  };
  if (shown === null)
    return [{ kind: 'inconsistency', table: model.table, database: null, message: 'GET /tables/{id}: unknown' }];
  differs('exists', shown.exists, model.exists);
  differs('synced', shown.synced, true);
  differs('status', shown.status, model.exists ? 'active' : model.dropped ? 'dropped' : 'failed');
  if (!model.exists) return found;
  differs('name', shown.name, model.name);
  differs('databases', [...shown.databases].sort(), [...model.databases].sort());
  const view = (
    c: {
      name: string;
      type: string;
      length?: number | null;
      precision?: number | null;
      scale?: number | null;
      nullable: boolean;
      default: unknown;
      unique: boolean;
    },
    pk: boolean,
    generated: boolean,
  ): unknown => [
    c.name,
    c.type,
    c.length ?? null,
    c.precision ?? null,
    c.scale ?? null,
    c.nullable,
    c.default === null ? null : String(c.default),
    c.unique,
    pk,
    generated,
  ];
  differs(
    'columns',
    inOrder(model, Object.values(shown.columns)).map((c) => view(c, c.primary_key, c.generated)),
    inOrder(model, model.columns).map((c) => view(c, c.primaryKey, c.generated)),
  );
  return found;
}

/** Nothing but what is expected may be there. */
export function compareNames(database: string, live: string[], expected: string[]): Found[] {
  return live
    .filter((name) => !name.toLowerCase().startsWith('_saga_') && !expected.includes(name))
    .map((name) => ({
      kind: 'inconsistency',
      table: null,
      database,
      message: `${name} is there, and nobody asked for it`,
    }));
}

/**
 * Every row that was committed is there, once, with what was written to the columns that still exist; and no row that
 * nobody wrote.
 */
export function compareRows(model: ModelTable, database: string, written: WrittenRow[], live: LiveRow[]): Found[] {
  const key = model.columns.find((c) => c.primaryKey)!.name;
  const byKey = new Map(live.map((row) => [row[key] ?? '', row]));
  const found: Found[] = [];
  const lost = (message: string): void => {
    found.push({ kind: 'lost row', table: model.table, database, message: `${model.name}: ${message}` });
  };
  if (byKey.size !== live.length) lost(`a key is there twice`);
  for (const row of written) {
    const is = byKey.get(String(row.key));
    if (is === undefined) {
      if (row.certain) lost(`row ${row.key} is not there`);
      continue;
    }
    for (const [name, allowed] of expectedValues(model, row)) {
      if (!allowed.some((value) => sameValue(value, is[name] ?? null)))
        lost(
          `row ${row.key} has ${name} = ${JSON.stringify(is[name] ?? null)}, and ` +
            `${allowed.map((v) => JSON.stringify(v)).join(' or ')} was written`,
        );
    }
  }
  const known = new Set(written.map((row) => String(row.key)));
  for (const row of live) if (!known.has(row[key] ?? '')) lost(`row ${row[key]} was written by nobody`);
  return found;
}

/** The same value after any conversion that keeps values: compared by meaning, since engines print differently. */
export function sameValue(written: Literal, read: string | null): boolean {
  if (written === null || read === null) return written === read;
  return plain(String(written)) === plain(read);
}

function plain(text: string): string {
  if (/^[{[]/.test(text)) {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      return text;
    }
  }
  if (text === 't' || text === 'true') return '1';
  if (text === 'f' || text === 'false') return '0';
  const time = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})\S*)?$/.exec(text);
  if (time !== null) return time[2] === undefined || time[2] === '00:00:00' ? time[1]! : `${time[1]} ${time[2]}`;
  return text !== '' && Number.isFinite(Number(text)) ? String(Number(text)) : text;
}

const EXPECTED_ERRORS = [
  'invalid_in_turn',
  'table_name_taken',
  'lossy_conversion',
  'rows_conflict',
  'not_null_without_default',
  'aborted',
  'unsupported_change',
];

/** What a customer made on a table of a database, and when (milliseconds since the epoch). */
export interface Touch {
  table: number;
  database: string;
  at: number;
}

/**
 * What a saga's own record must keep to. In a storm, views and the like stand in the way of some changes. `touches`: a
 * table that somebody touched meanwhile is not what it was.
 */
export function compareSaga(
  saga: ShownSaga,
  eventTypes: string[],
  item: { table: number; poisoned: boolean; takenLate?: boolean },
  storm = false,
  touches: readonly Touch[] = [],
): Found[] {
  const found: Found[] = [];
  const say = (message: string, database: string | null = null): void => {
    found.push({
      kind: 'inconsistency',
      table: item.table,
      database,
      message: `saga ${saga.saga_id} (${saga.kind}, ${saga.status}): ${message}`,
      sagaId: saga.saga_id,
    });
  };
  const intents = eventTypes.filter((type) => type === 'StepIntended').length;
  if (saga.status === 'rejected' && intents > 0) say('rejected, though a step was intended');
  if (saga.status === 'compensated' && intents === 0) say('compensated, though no step was intended');
  if (saga.status === 'completed' && item.poisoned) say('completed, though a database must have refused it');
  for (const step of saga.steps) {
    if (
      saga.status === 'compensated' &&
      step.phase === 'apply' &&
      step.status !== 'compensated' &&
      step.status !== 'skipped'
    )
      say(`step ${step.step_id} is ${step.status}`, step.database);
    const isTouched = touches.some(
      ({ table, database, at }) =>
        table === item.table &&
        database === step.database &&
        at >= Date.parse(saga.started_at ?? '') &&
        at <= Date.parse(step.finished_at ?? ''),
    );
    if (step.status === 'compensated' && step.fingerprint_before !== step.fingerprint_after && !isTouched)
      say(`step ${step.step_id} (${step.operation}) ended with another fingerprint than it began with`, step.database);
  }
  const code = saga.error?.code;
  if (
    code !== undefined &&
    !EXPECTED_ERRORS.includes(code) &&
    !(storm && code === 'dependents_exist') &&
    !(item.poisoned && code === 'database_error') &&
    !(item.takenLate === true && code === 'drift_detected') &&
    // Somebody made an object on the table while it was to be set aside.
    !(storm && code === 'drift_detected' && / was made on .* after the change was planned/.test(saga.error!.message))
  )
    say(`ended with ${code}: ${saga.error!.message}`, saga.error!.database);
  return found;
}
