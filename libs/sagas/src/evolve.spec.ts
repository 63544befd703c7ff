import { describe, expect, test } from '@jest/globals';
import { applied, intended, letGo, planned, RECORDED_AT, requested, started } from '../testing/saga-events.js';
import { given } from '../testing/spec-kit.js';
import type { SagaEvent } from './events.js';
import { evolve, type RecordedSagaEvent } from './evolve.js';

const ready = planned({ a: ['a1'], b: ['b1'] });

/** Before it is recorded. */
function foreseen(event: SagaEvent): RecordedSagaEvent {
  return { event, version: 9, recorded_at: RECORDED_AT, event_id: null, correlation_id: '', actor: '' };
}

describe('what a saga knows of its stream', () => {
  test('how far it has been read: what is appended next follows from there', () => {
    given(requested(), started()).thenSagaIs({ version: 2, last_event_id: 'event 2' });
  });

  test('an event that counts for nothing has been read as well', () => {
    given(ready, intended('b1'), letGo('b1'), applied('b1')).thenSagaIs({ version: 7, last_event_id: 'event 7' });
  });

  test('an event that is only foreseen is the cause of none', () => {
    const { saga } = given(ready);
    expect(evolve(saga, foreseen(intended('a1')))).toMatchObject({ version: 9, last_event_id: saga.last_event_id });
  });

  test('who asked for it, and under which correlation', () => {
    given(requested(), started()).thenSagaIs({ requested_by: 'somebody', correlation_id: 'c' });
  });
});

test('a saga is left as it was by what comes after it', () => {
  const { saga } = given(ready);
  const before = structuredClone(saga);
  evolve(saga, foreseen(intended('a1')));
  expect(saga).toEqual(before);
});
