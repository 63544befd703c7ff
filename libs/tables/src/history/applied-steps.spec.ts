import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createEventStore, type CoreDatabase, type EventStore } from '#event-store';
import { createMigratedDatabase, type TestDatabase } from '../../../event-store/testing/core-databases.js';
import { metadata } from '../../../event-store/testing/hooked-core.js';
import { sagaStreams, type PlannedStep, type SagaEvent } from '#sagas';
import { appliedSteps, listApplied, readApplied, stateAfter, type Applied } from './applied-steps.js';

let database: TestDatabase;
let core: CoreDatabase;
let store: EventStore;
let sagaId: string;

beforeAll(async () => {
  database = await createMigratedDatabase('sqlite');
  core = await database.open();
  store = createEventStore(core);
});
afterAll(() => database.drop());
beforeEach(() => {
  sagaId = randomUUID();
});

const planned = (step_id: string, operation: string, shown_after: string): PlannedStep => ({
  step_id,
  operation,
  phase: 'apply',
  reason: '',
  statements: ['planned'],
  compensation: [],
  plan: { table_id: `t-${sagaId}`, shown_after, columns_after: [] },
});
const done = (step_id: string): SagaEvent => ({
  type: 'StepApplied',
  step_id,
  fingerprint_before: 'before',
  fingerprint_after: 'after',
  statements: ['run'],
  duration_ms: 7,
});
const resolved = (step_id: string, as: 'applied' | 'restored' | 'skipped', fingerprint: string | null): SagaEvent => ({
  type: 'StepResolved',
  step_id,
  as,
  reason: 'seen by hand',
  fingerprint,
});
const error = { code: 'database_error', message: 'no', database: null, step_id: null };

/** What the read model has of a saga on two databases that ran so; the streams themselves must say the same. */
async function given(...then: SagaEvent[]): Promise<Applied[]> {
  const events: SagaEvent[] = [
    {
      type: 'SagaRequested',
      saga_id: sagaId,
      kind: 'table.rename',
      subject_id: `t-${sagaId}`,
      subject_name: 'old',
      change: {},
      deadline_at: '',
      targets: ['a', 'b'].map((id) => ({
        step_id: `look-${id}-${sagaId}`,
        target: { id: `${id}-${sagaId}`, name: id, engine: 'sqlite' },
      })),
    },
    { type: 'SagaStarted' },
    ...['a', 'b'].map((id): SagaEvent => ({
      type: 'StepPrepared',
      step_id: `look-${id}-${sagaId}`,
      fingerprint: '',
      duration_ms: 1,
      reversible_seconds: null,
      steps: [planned(`1${id}`, 'rename_table', 'new'), planned(`2${id}`, 'add_column', 'new')],
    })),
    ...then,
  ];
  const stored = await store.append(
    [
      {
        stream: sagaStreams.name(sagaId),
        expectedVersion: 0,
        events: events.map(({ type, ...data }) => ({ type, schema_version: 1, data })),
      },
    ],
    metadata,
  );
  await core.transaction((tx) => appliedSteps.projection.apply(tx, stored));
  const [listed, read] = await Promise.all(
    ['a', 'b'].map(async (id) => {
      const filter = { database_id: `${id}-${sagaId}`, table_id: `t-${sagaId}` };
      expect(await readApplied(store, [sagaId], filter)).toEqual(await listApplied(core, filter));
      return listApplied(core, filter);
    }),
  );
  return [...listed!, ...read!];
}

test('a step that was applied, with what it made of the table; the other database has its own', async () => {
  const steps = await given(done('1a'), done('2a'), done('1b'));
  expect(
    steps.map(({ step_id, database_id, direction, table_name }) => [step_id, database_id, direction, table_name]),
  ).toEqual([
    ['1a', `a-${sagaId}`, 'apply', 'new'],
    ['2a', `a-${sagaId}`, 'apply', 'new'],
    ['1b', `b-${sagaId}`, 'apply', 'new'],
  ]);
  expect(steps[0]).toEqual({
    position: expect.any(Number),
    database_id: `a-${sagaId}`,
    table_id: `t-${sagaId}`,
    table_name: 'new',
    saga_id: sagaId,
    kind: 'table.rename',
    step_id: '1a',
    operation: 'rename_table',
    direction: 'apply',
    recorded_at: expect.any(String),
    duration_ms: 7,
    statements: ['run'],
    fingerprint_before: 'before',
    fingerprint_after: 'after',
    columns_after: [],
  });
});

test('one that was undone counts for nothing', async () => {
  const steps = await given(
    done('1a'),
    { type: 'CompensationStarted', error },
    { type: 'StepCompensated', step_id: '1a', fingerprint_after: 'before', statements: ['back'], duration_ms: 3 },
    { type: 'SagaCompensated', error },
  );
  expect(
    steps.map(({ direction, fingerprint_before, fingerprint_after }) => [
      direction,
      fingerprint_before,
      fingerprint_after,
    ]),
  ).toEqual([
    ['apply', 'before', 'after'],
    ['compensate', null, 'before'],
  ]);
  expect(stateAfter(steps)).toEqual({ name: null, exists: false, columns: [], indexes: [] });
});

test("an operator's word that it was applied, or restored, stands like the step's own; one that was skipped did nothing", async () => {
  const applied = await given(done('1a'), resolved('2a', 'applied', 'seen'), resolved('1b', 'skipped', null));
  expect(
    applied.map(({ step_id, direction, statements, fingerprint_after }) => [
      step_id,
      direction,
      statements,
      fingerprint_after,
    ]),
  ).toEqual([
    ['1a', 'apply', ['run'], 'after'],
    ['2a', 'apply', [], 'seen'],
  ]);
  sagaId = randomUUID();
  const restored = await given(done('1a'), { type: 'CompensationStarted', error }, resolved('1a', 'restored', null));
  expect(restored.map(({ direction, fingerprint_after }) => [direction, fingerprint_after])).toEqual([
    ['apply', 'after'],
    ['compensate', null],
  ]);
  expect(stateAfter(restored).exists).toBe(false);
});
