import { describe, test } from '@jest/globals';
import {
  abortRequested,
  after,
  compensationStarted,
  delayed,
  done,
  failed,
  intended,
  planned,
  REFUSED,
  requested,
  sagaCompensated,
  sagaCompleted,
  sagaRejected,
  started,
  undone,
} from '../../testing/saga-events.js';
import { deciding, given } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', 'a2'], b: ['b1'] });
const looking = [requested(), started()];

const completed = [ready, done('a1', 'a2', 'b1'), sagaCompleted(after(60))];
const compensated = [ready, intended('a1'), failed('a1'), compensationStarted(), undone('a1'), sagaCompensated()];
const rejected = [
  looking,
  delayed('look-b', after(5), { way: 'prepare' }),
  failed('look-a', 'prepare'),
  sagaRejected(),
];

describe('a saga that is over', () => {
  test.each([
    ['completed', completed],
    ['completed in its turn, with nothing to do', [requested(), sagaCompleted()]],
    ['compensated', compensated],
    ['rejected', rejected],
    ['rejected in its turn', [requested(), sagaRejected()]],
    ['rejected after an abort', [looking, abortRequested(), sagaRejected()]],
  ])('does nothing more: %s', (_how, events) => {
    given(events)
      .when(deciding({ at: after(60) }))
      .thenNothing();
  });
});

describe('what is shown of it', () => {
  test('completed, it tells until when it can be undone, and no error', () => {
    given(completed).thenSagaIs({ status: 'completed', reversible_until: after(60), error: null });
  });

  test('compensated, it tells what went wrong, and what was never begun is left out', () => {
    given(compensated)
      .thenSagaIs({ status: 'compensated', error: REFUSED, reversible_until: null })
      .thenStepsAre({ a1: 'compensated', a2: 'skipped', b1: 'skipped' });
  });

  test('rejected, it tells what went wrong, and nothing waits any more', () => {
    given(rejected)
      .thenSagaIs({ status: 'rejected', error: REFUSED })
      .thenStepIs('look-a', { status: 'failed', error: REFUSED })
      .thenStepIs('look-b', { status: 'skipped', next_attempt_at: null });
  });
});
