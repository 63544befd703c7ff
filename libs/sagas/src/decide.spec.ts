import { describe, expect, test } from '@jest/globals';
import { decide } from './decide.js';
import type { PlannedStep, SagaEvent, StepError } from './events.js';
import { evolve } from './evolve.js';
import type { Saga } from './saga.js';

const at = '2026-01-01T00:00:00.000Z';
const now = Date.parse(at);
const idle = new Set<string>();
const error: StepError = { code: 'database_error', message: 'no', database: 'b', step_id: 'b1' };
const target = (id: string): { id: string; name: string; engine: string } => ({ id, name: id, engine: 'sqlite' });
const planned = (id: string): PlannedStep => ({
  step_id: id,
  operation: 'x',
  phase: 'apply',
  reason: '',
  statements: ['do'],
  compensation: ['undo'],
  plan: {},
});

const requested: SagaEvent = {
  type: 'SagaRequested',
  saga_id: 's',
  kind: 'k',
  subject_id: 't',
  subject_name: 'n',
  change: {},
  deadline_at: '2026-01-01T01:00:00.000Z',
  targets: [
    { step_id: 'pa', target: target('a') },
    { step_id: 'pb', target: target('b') },
  ],
};
const started: SagaEvent = { type: 'SagaStarted' };
const prepared = (id: string, ...steps: string[]): SagaEvent => ({
  type: 'StepPrepared',
  step_id: id,
  steps: steps.map(planned),
  fingerprint: 'f',
  duration_ms: 1,
  reversible_seconds: null,
});
const intended = (id: string): SagaEvent => ({ type: 'StepIntended', step_id: id, attempt: 1, token: 1 });
const applied = (id: string): SagaEvent => ({
  type: 'StepApplied',
  step_id: id,
  fingerprint_before: 'f',
  fingerprint_after: 'g',
  statements: [],
  duration_ms: 1,
});
const failed = (id: string, way: 'prepare' | 'apply' | 'compensate' = 'apply'): SagaEvent => ({
  type: 'StepFailed',
  step_id: id,
  way,
  error,
});
const undone = (id: string): SagaEvent => ({
  type: 'StepCompensated',
  step_id: id,
  fingerprint_after: 'f',
  statements: [],
  duration_ms: 1,
});
const delayed = (id: string, way: 'apply' | 'compensate', until: string): SagaEvent => ({
  type: 'StepDelayed',
  step_id: id,
  way,
  attempt: 2,
  next_attempt_at: until,
  error,
});
const undoing = (id: string): SagaEvent => ({ type: 'CompensationIntended', step_id: id, attempt: 1, token: 1 });
const goingBack: SagaEvent = { type: 'CompensationStarted', error };

function given(...events: SagaEvent[]): Saga {
  return events.reduce<Saga | null>(
    (saga, event, i) =>
      evolve(saga, { event, version: i + 1, event_id: null, recorded_at: at, correlation_id: 'c', actor: 'x' }),
    null,
  )!;
}
const ready = [requested, started, prepared('pa', 'a1', 'a2'), prepared('pb', 'b1')];

describe('decide', () => {
  test('looks at every database before it touches one', () => {
    expect(decide(given(requested, started), now, idle, 1).effects.map((e) => [e.way, e.step.step_id])).toEqual([
      ['prepare', 'pa'],
      ['prepare', 'pb'],
    ]);
    expect(decide(given(requested, started, prepared('pa', 'a1')), now, new Set(['pb']), 1)).toMatchObject({
      events: [],
      effects: [],
      end: null,
    });
  });
  test('what prepare refuses ends rejected: no intent, nothing touched', () => {
    expect(decide(given(requested, started, prepared('pa', 'a1'), failed('pb', 'prepare')), now, idle, 1).end).toEqual({
      as: 'rejected',
      error,
    });
  });
  test('records intents before effects, one step per database at a time, databases side by side', () => {
    expect(decide(given(...ready), now, idle, 7).events).toEqual([
      { ...intended('a1'), token: 7 },
      { ...intended('b1'), token: 7 },
    ]);
    expect(
      decide(given(...ready, intended('a1'), intended('b1')), now, idle, 1).effects.map((e) => e.step.step_id),
    ).toEqual(['a1', 'b1']);
  });
  test('all applied: completed', () => {
    expect(
      decide(given(...ready, ...['a1', 'a2', 'b1'].flatMap((s) => [intended(s), applied(s)])), now, idle, 1).end,
    ).toEqual({ as: 'completed' });
  });
  test('a failure waits for what is under way, then goes back over every intended step and no other', () => {
    const saga = [...ready, intended('a1'), intended('b1'), failed('b1')];
    expect(decide(given(...saga), now, new Set(['a1']), 1)).toMatchObject({ events: [], effects: [], end: null });
    expect(decide(given(...saga, applied('a1')), now, idle, 1).events).toEqual([goingBack]);
    const back = given(...saga, applied('a1'), goingBack);
    expect(back.steps.find((s) => s.step_id === 'a2')!.status).toBe('skipped');
    expect(decide(back, now, idle, 1).events.map((e) => [e.type, 'step_id' in e && e.step_id])).toEqual([
      ['CompensationIntended', 'b1'],
      ['CompensationIntended', 'a1'],
    ]);
  });
  test('goes back in reverse within a database, and ends compensated', () => {
    const saga = [
      ...ready,
      intended('a1'),
      applied('a1'),
      intended('b1'),
      applied('b1'),
      intended('a2'),
      failed('a2'),
      goingBack,
    ];
    expect(decide(given(...saga), now, idle, 1).events.map((e) => 'step_id' in e && e.step_id)).toEqual(['b1', 'a2']);
    expect(decide(given(...saga, undone('a2'), undone('b1')), now, idle, 1).events).toEqual([undoing('a1')]);
    expect(decide(given(...saga, undone('a2'), undone('b1'), undone('a1')), now, idle, 1).end).toEqual({
      as: 'compensated',
      error,
    });
  });
  test('a delayed step is woken when due, and given up at the deadline', () => {
    const saga = given(...ready, intended('a1'), intended('b1'), delayed('a1', 'apply', '2026-01-01T00:00:05.000Z'));
    expect(decide(saga, now, new Set(['b1']), 1)).toMatchObject({ effects: [], wakeAt: now + 5000 });
    expect(decide(saga, now + 5000, new Set(['b1']), 1).effects.map((e) => e.step.step_id)).toEqual(['a1']);
    expect(decide(saga, now + 3_600_000, new Set(['b1']), 1).events).toMatchObject([
      { type: 'StepFailed', step_id: 'a1', error: { code: 'deadline_exceeded' } },
    ]);
  });
  test('a step delayed by a clock that was ahead does not wait until that time comes', () => {
    const saga = given(...ready, intended('a1'), intended('b1'), delayed('a1', 'apply', '2026-01-01T00:40:00.000Z'));
    expect(decide(saga, now, new Set(['b1']), 1).effects.map((e) => e.step.step_id)).toEqual(['a1']);
  });
  test('a compensation that fails for good is stuck, and goes on with retry', () => {
    const saga = [...ready, intended('a1'), failed('a1'), goingBack, undoing('a1'), failed('a1', 'compensate')];
    expect(decide(given(...saga), now, idle, 1).events).toEqual([{ type: 'SagaStuck', error }]);
    const again = given(...saga, { type: 'SagaStuck', error }, { type: 'RetryRequested', reason: 'mended' });
    expect(again.status).toBe('compensating');
    expect(decide(again, now, idle, 1).effects.map((e) => [e.way, e.step.step_id])).toEqual([['compensate', 'a1']]);
  });
  test('a compensation is tried past the deadline, and shown stuck', () => {
    const saga = given(
      ...ready,
      intended('a1'),
      failed('a1'),
      goingBack,
      undoing('a1'),
      delayed('a1', 'compensate', '2026-01-01T01:01:45.000Z'),
    );
    expect(decide(saga, now + 3_700_000, idle, 1)).toMatchObject({
      events: [{ type: 'SagaStuck' }],
      wakeAt: now + 3_705_000,
    });
  });
  test('an abort before the first intent rejects, after it goes back', () => {
    const abort: SagaEvent = { type: 'AbortRequested', reason: 'mistake' };
    expect(decide(given(requested, started, abort), now, idle, 1).end).toMatchObject({
      as: 'rejected',
      error: { code: 'aborted' },
    });
    expect(decide(given(...ready, intended('a1'), abort), now, idle, 1).events).toMatchObject([
      { type: 'CompensationStarted', error: { code: 'aborted' } },
    ]);
  });
});
