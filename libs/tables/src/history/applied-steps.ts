import {
  jsonOf,
  readPage,
  sql,
  type EventReader,
  type Queryable,
  type ReadModel,
  type Row,
  type Sql,
  type StoredEvent,
  type Tx,
} from '#event-store';
import { effectOnHistory, type Column, type Index, type Managed, type Plan } from '#byodb';
import { sagaStreams, type SagaEvent } from '#sagas';

/** One step that took effect, was finalized, or was undone, in one database. */
export interface Applied {
  position: number;
  database_id: string;
  table_id: string;
  table_name: string;
  saga_id: string;
  kind: string;
  step_id: string;
  operation: string;
  direction: 'apply' | 'compensate';
  recorded_at: string;
  duration_ms: number;
  statements: string[];
  fingerprint_before: string | null;
  /** Null: an operator's word, for a database that could not be looked at. */
  fingerprint_after: string | null;
  columns_after: Column[];
  /** Missing: it had no managed index then. */
  indexes_after?: Index[];
}

/** `undoes`: a catch-up's step that undoes. */
type Planned = Pick<
  Applied,
  'table_id' | 'database_id' | 'operation' | 'table_name' | 'columns_after' | 'indexes_after'
> & {
  undoes?: true;
};
/** What a saga's later events are about: they name a step by its id alone. */
interface Plans {
  kind: string;
  databases: Record<string, string>;
  steps: Record<string, Planned>;
}

/** One event of a saga: the plans after it, and what it says was done. Pure. */
function follow(plans: Plans | null, event: StoredEvent): { plans: Plans | null; applied: Applied | null } {
  const body = sagaStreams.decode(event);
  if (body.type === 'SagaRequested') {
    return {
      plans: {
        kind: body.kind,
        databases: Object.fromEntries(body.targets.map(({ step_id, target }) => [step_id, target.id])),
        steps: {},
      },
      applied: null,
    };
  }
  if (plans === null) return { plans, applied: null };
  switch (body.type) {
    case 'StepPrepared': {
      const steps = body.steps.map(({ step_id, operation, plan }): [string, Planned] => {
        const { table_id, shown_after, columns_after, indexes_after, way } = plan as Plan & { way?: string };
        return [
          step_id,
          {
            table_id,
            database_id: plans.databases[body.step_id]!,
            operation,
            table_name: shown_after,
            columns_after,
            ...(indexes_after === undefined ? {} : { indexes_after }),
            ...(way === 'compensate' ? { undoes: true } : {}),
          },
        ];
      });
      return { plans: { ...plans, steps: { ...plans.steps, ...Object.fromEntries(steps) } }, applied: null };
    }
    case 'StepApplied':
      return {
        plans,
        applied: applied(plans, event, plans.steps[body.step_id]?.undoes === true ? 'compensate' : 'apply', body),
      };
    case 'StepCompensated':
      return { plans, applied: applied(plans, event, 'compensate', body) };
    case 'StepResolved': {
      const word = { step_id: body.step_id, statements: [], duration_ms: 0, fingerprint_after: body.fingerprint };
      return {
        plans,
        applied:
          body.as === 'skipped' ? null : applied(plans, event, body.as === 'applied' ? 'apply' : 'compensate', word),
      };
    }
    default:
      return { plans, applied: null };
  }
}

type Outcome = Pick<Applied, 'step_id' | 'statements' | 'duration_ms' | 'fingerprint_after'> & {
  fingerprint_before?: string;
};

function applied(
  { kind, steps }: Plans,
  event: StoredEvent,
  direction: Applied['direction'],
  outcome: Outcome,
): Applied | null {
  const { step_id, statements, duration_ms, fingerprint_before = null, fingerprint_after } = outcome;
  const step = steps[step_id];
  if (step === undefined) return null;
  const { undoes: _undoes, ...known } = step;
  return {
    position: event.position,
    saga_id: sagaStreams.idOf(event.stream) ?? '',
    kind,
    step_id,
    direction,
    recorded_at: event.recorded_at,
    duration_ms,
    statements,
    fingerprint_before,
    fingerprint_after,
    ...known,
  };
}

const endings: ReadonlySet<string> = new Set<SagaEvent['type']>(['SagaCompleted', 'SagaCompensated', 'SagaRejected']);

/** A row per step done or undone, kept behind the log; `saga_plans` holds what the open sagas have planned. */
export const appliedSteps: ReadModel = {
  behind: true,
  shape: 1,
  tables: ['applied_steps', 'saga_plans'],
  projection: {
    name: 'applied_steps',
    async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
      for (const stream of new Set(events.map((event) => event.stream))) {
        const sagaId = sagaStreams.idOf(stream);
        if (sagaId === null) continue;
        const ofSaga = events.filter((event) => event.stream === stream);
        const before = ofSaga[0]!.version === 1 ? null : await loadPlans(tx, sagaId);
        let plans = before;
        for (const event of ofSaga) {
          const next = follow(plans, event);
          plans = next.plans;
          if (next.applied !== null) await insert(tx, next.applied);
        }
        if (endings.has(ofSaga.at(-1)!.type)) await tx.execute(sql`delete from saga_plans where saga_id = ${sagaId}`);
        else if (plans !== before && plans !== null)
          await tx.upsert('saga_plans', ['saga_id'], { saga_id: sagaId, plans: JSON.stringify(plans) });
      }
    },
  },
};

async function loadPlans(db: Queryable, sagaId: string): Promise<Plans | null> {
  const [row] = await db.query(sql`select plans from saga_plans where saga_id = ${sagaId}`);
  return row === undefined ? null : jsonOf<Plans>(row, 'plans');
}

async function insert(tx: Tx, step: Applied): Promise<void> {
  const { position, database_id, table_id, saga_id, recorded_at, ...rest } = step;
  await tx.execute(
    sql`insert into applied_steps (position, database_id, table_id, saga_id, recorded_at, step)
      values (${position}, ${database_id}, ${table_id}, ${saga_id}, ${recorded_at}, ${JSON.stringify(rest)})`,
  );
}

export interface AppliedFilter {
  database_id: string;
  table_id?: string;
  after?: number;
  limit?: number;
}

/** Oldest first. */
export async function listApplied(db: Queryable, filter: AppliedFilter): Promise<Applied[]> {
  return (
    await db.query(
      sql`select ${appliedColumns} from ${matching(filter)}
        order by position${filter.limit === undefined ? sql`` : sql` limit ${filter.limit}`}`,
    )
  ).map(toApplied);
}

/** The same, but no more of them than about a megabyte, and one at least where there is one. */
export async function pageOfApplied(
  db: Queryable,
  filter: AppliedFilter & { limit: number },
): Promise<{ steps: Applied[]; more: boolean }> {
  const { rows, more } = await readPage(db, {
    from: sql`from ${matching(filter)}`,
    key: 'position',
    order: 'asc',
    heavy: 'step',
    columns: appliedColumns,
    limit: filter.limit,
  });
  return { steps: rows.map(toApplied), more };
}

const appliedColumns = sql`position, database_id, table_id, saga_id, recorded_at, step`;

function matching({ database_id, table_id, after = 0 }: AppliedFilter): Sql {
  return sql`applied_steps
    where database_id = ${database_id}${table_id === undefined ? sql`` : sql` and table_id = ${table_id}`}
    and position > ${after}`;
}

function toApplied(row: Row): Applied {
  return {
    position: Number(row['position']),
    database_id: String(row['database_id']),
    table_id: String(row['table_id']),
    saga_id: String(row['saga_id']),
    recorded_at: String(row['recorded_at']),
    ...jsonOf<Omit<Applied, 'position' | 'database_id' | 'table_id' | 'saga_id' | 'recorded_at'>>(row, 'step'),
  };
}

/** The same from these sagas' own streams: slower, for while the read model lags behind. */
export async function readApplied(
  store: EventReader,
  sagaIds: string[],
  { database_id, table_id, after = 0, limit }: AppliedFilter,
): Promise<Applied[]> {
  const steps: Applied[] = [];
  for (const sagaId of sagaIds) {
    let plans: Plans | null = null;
    for (const event of await store.readStream(sagaStreams.name(sagaId))) {
      const next = follow(plans, event);
      plans = next.plans;
      if (
        next.applied !== null &&
        next.applied.database_id === database_id &&
        (table_id ?? next.applied.table_id) === next.applied.table_id &&
        next.applied.position > after
      )
        steps.push(next.applied);
    }
  }
  return steps.sort((a, b) => a.position - b.position).slice(0, limit);
}

interface StateThere extends Managed {
  name: string | null;
  exists: boolean;
}

/** What a table was in one database after these steps: undone ones count for nothing. Pure. */
export function stateAfter(steps: Applied[]): StateThere {
  const undone = new Set(steps.filter((s) => s.direction === 'compensate').map((s) => s.step_id));
  return steps
    .filter((s) => s.direction === 'apply' && !undone.has(s.step_id))
    .reduce<StateThere>(
      (state, step) => {
        const effect = effectOnHistory(step);
        if (effect === 'none') return state;
        return effect === 'gone'
          ? { ...state, exists: false }
          : {
              name: step.table_name,
              exists: true,
              columns: step.columns_after,
              indexes: step.indexes_after ?? [],
            };
      },
      { name: null, exists: false, columns: [], indexes: [] },
    );
}
