import type { Connection, Session } from '#byodb';
import type { EventStore, StoredEvent } from '#event-store';
import { sagaStreams, type ChangeStep, type Saga, type SagaDefinition, type Step } from '#sagas';
import type { Points } from './points.js';
import type { Direction, Role } from './scenarios.js';

/** What a database is doing, told by the definition to the connection beneath it: one step at a time runs on each. */
export class Doing {
  way: 'apply' | 'compensate' | 'finalize' = 'apply';
  /** Its statements are replaced by one that no database takes. */
  refuses = false;
}

const REFUSED = 'this database refuses the statement';

/** The port with points around every statement, every ledger write and the commit; all else passes through. */
export function watchConnection(connection: Connection, role: Role, points: Points, doing: Doing): Connection {
  return overlay(connection, {
    exclusively: async <T>(
      on: Parameters<Connection['exclusively']>[0],
      work: (session: Session) => Promise<T>,
    ): Promise<T> => {
      const place = `${role} ${doing.way}`;
      let name = '';
      const result = await connection.exclusively(on, async (session) => {
        const done = await work(watchSession(session, place, points, doing, connection.engine.facts.transactionalDdl));
        name = points.name(`${place} commit`);
        points.meet(`before ${name}`, '');
        points.under(`while ${name}`, '');
        return done;
      });
      points.meet(`after ${name}`, '');
      return result;
    },
  });
}

function watchSession(session: Session, place: string, points: Points, doing: Doing, transactional: boolean): Session {
  // Where a commit decides, a statement under way has done no more than one not yet sent.
  return overlay(session, {
    run: (sql: string) =>
      points.around(`${place} run`, sql, () => session.run(doing.refuses ? REFUSED : sql), !transactional),
    writeLedger: (row: Parameters<Session['writeLedger']>[0]) =>
      points.around(`${place} ledger`, row.state, () => session.writeLedger(row), false),
  });
}

/** Points around every append to the event store. */
export function watchStore(store: EventStore, points: Points): EventStore {
  return overlay(store, {
    append: (...args: Parameters<EventStore['append']>) =>
      points.around(
        'core append',
        args[0].flatMap((a) => a.events.map((e) => e.type)).join(' + '),
        () => store.append(...args),
        false,
      ),
  });
}

const REFUSER: Record<Direction, Role | null> = {
  forward: null,
  compensate: 'other',
  late: 'other',
  refused: 'engine',
};

/** A definition in which one database does not take its last statement; each direction has its own order of events. */
export function watchDefinition(
  definition: SagaDefinition,
  store: EventStore,
  doing: ReadonlyMap<string, Doing>,
  direction: Direction,
): SagaDefinition {
  return overlay(definition, {
    apply: async (saga: Saga, step: ChangeStep, token: number) => {
      const own = saga.steps.filter((s) => s.phase === 'apply' && s.target.id === step.target.id);
      const isLast = own.at(-1)!.step_id === step.step_id;
      const refuses = isLast && step.target.name === REFUSER[direction];
      if (refuses) await othersApplied(store, saga, step, direction === 'late' ? 1 : 0);
      if (isLast && direction === 'late' && step.target.name === 'engine') await until(store, saga, hasFailed);
      Object.assign(doing.get(step.target.id)!, { way: 'apply', refuses });
      return definition.apply(saga, step, token);
    },
    compensate: async (saga: Saga, step: ChangeStep, token: number) => {
      Object.assign(doing.get(step.target.id)!, { way: 'compensate', refuses: false });
      return definition.compensate(saga, step, token);
    },
    finalize: async (saga: Saga, step: ChangeStep, token: number) => {
      Object.assign(doing.get(step.target.id)!, { way: 'finalize', refuses: false });
      return definition.finalize(saga, step, token);
    },
  });
}

const POLL_MS = 5;

/** All of the other database's steps but the `last` ones. */
async function othersApplied(store: EventStore, saga: Saga, step: Step, last: number): Promise<void> {
  const steps = saga.steps.filter((s) => s.phase === 'apply' && s.target.id !== step.target.id).map((s) => s.step_id);
  const others = steps.slice(0, steps.length - last);
  const isApplied = (stored: StoredEvent, stepId: string): boolean => {
    const event = sagaStreams.decode(stored);
    return event.type === 'StepApplied' && event.step_id === stepId;
  };
  await until(
    store,
    saga,
    (events) => hasFailed(events) || others.every((id) => events.some((event) => isApplied(event, id))),
  );
}

function hasFailed(events: readonly StoredEvent[]): boolean {
  return events.some((e) => e.type === 'CompensationStarted' || e.type === 'StepFailed');
}

async function until(store: EventStore, saga: Saga, come: (events: readonly StoredEvent[]) => boolean): Promise<void> {
  while (!come(await store.readStream(sagaStreams.name(saga.saga_id))))
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** `target` with some methods replaced; whatever a port gains later passes through unseen. */
function overlay<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(replaced, key)) return replaced[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
