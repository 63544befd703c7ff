import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import { createEventStore, migrate, openCoreDatabase, type CoreDatabase, type EventStore } from '#event-store';
import { appendToSaga, requestSaga, sagasProjection } from '#sagas';
import { freshSqlite, type Fresh } from '../../../../testing/fixtures.js';
import { SagaEnds } from './saga-ends.js';

let fresh: Fresh;
let core: CoreDatabase;
let here: EventStore;
/** Another process's, whose events are not heard of here. */
let elsewhere: EventStore;

beforeEach(async () => {
  fresh = await freshSqlite();
  core = await openCoreDatabase(fresh.url);
  await migrate(core);
  here = createEventStore(core, { projections: [sagasProjection] });
  elsewhere = createEventStore(core, { projections: [sagasProjection] });
});
afterEach(async () => {
  await core.close();
  await fresh.drop();
});

const metadata = { correlation_id: uuid(), causation_id: null, actor: 'test' };

async function requested(): Promise<string> {
  const sagaId = uuid();
  const request = requestSaga({
    saga_id: sagaId,
    change: { kind: 'table.drop' },
    subject: { id: uuid(), name: 'orders' },
    targets: [{ id: uuid(), name: 'one', engine: 'sqlite' }],
    deadlineAt: Date.now() + 60_000,
    cause: undefined,
  });
  await here.append([request], metadata);
  return sagaId;
}

/** A queue that other processes tell through. */
function told(): { onTold(listener: (sagaId: string) => void): boolean; tell(sagaId: string): void } {
  let hear = (_sagaId: string): void => undefined;
  return {
    onTold(listener) {
      hear = listener;
      return true;
    },
    tell: (sagaId) => {
      hear(sagaId);
    },
  };
}

async function end(store: EventStore, sagaId: string): Promise<void> {
  const completed = { type: 'SagaCompleted', reversible_until: null } as const;
  await store.append([appendToSaga({ saga_id: sagaId, version: 1 }, [completed])], metadata);
}

const NEVER_MS = 3_600_000;
const never = { told: NEVER_MS, untold: NEVER_MS };

test('an end that another process tells of is answered at once, without a look in between', async () => {
  const queue = told();
  const ends = new SagaEnds(core, here, queue, never);
  const sagaId = await requested();
  const waiting = ends.wait(sagaId, NEVER_MS);
  await end(elsewhere, sagaId);
  queue.tell(uuid());
  queue.tell(sagaId);
  expect(await waiting).toMatchObject({ saga_id: sagaId, status: 'completed' });
});

test('an end that is recorded in this process needs no telling', async () => {
  const ends = new SagaEnds(core, here, { onTold: () => false }, never);
  const sagaId = await requested();
  const waiting = ends.wait(sagaId, NEVER_MS);
  await end(here, sagaId);
  expect(await waiting).toMatchObject({ status: 'completed' });
});

test.each([true, false])('an end that nobody tells of is found by looking (queue that tells: %s)', async (tells) => {
  const ends = new SagaEnds(core, here, { onTold: () => tells }, { told: 10, untold: 10 });
  const sagaId = await requested();
  const waiting = ends.wait(sagaId, NEVER_MS);
  await end(elsewhere, sagaId);
  expect(await waiting).toMatchObject({ status: 'completed' });
});

test('what is recorded on the way wakes nobody: only an end does, or what only a person can mend', async () => {
  const looked: string[] = [];
  const counting = new Proxy(core, {
    get: (target, key) =>
      key === 'query'
        ? (statement: Parameters<CoreDatabase['query']>[0]) => {
            looked.push(statement.texts.join('?'));
            return target.query(statement);
          }
        : Reflect.get(target, key),
  });
  const ends = new SagaEnds(counting, here, { onTold: () => false }, never);
  const sagaId = await requested();
  const waiting = ends.wait(sagaId, NEVER_MS);
  await here.append([appendToSaga({ saga_id: sagaId, version: 1 }, [{ type: 'SagaStarted' }])], metadata);
  const error = { code: 'rows_conflict', message: 'rows do not fit', database: 'one', step_id: null };
  await here.append([appendToSaga({ saga_id: sagaId, version: 2 }, [{ type: 'SagaStuck', error }])], metadata);
  expect(await waiting).toMatchObject({ status: 'stuck' });
  expect(looked).toHaveLength(2);
});
