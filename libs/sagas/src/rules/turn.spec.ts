import { describe, expect, test } from '@jest/globals';
import {
  ABORTED,
  abortRequested,
  DEADLINE,
  REFUSED,
  requested,
  sagaCompleted,
  sagaRejected,
  started,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, judged } from '../../testing/spec-kit.js';

describe('before its turn', () => {
  test('one look at each database is to be done, and nothing is known yet of what follows', () => {
    given(requested('a', 'b'))
      .thenSagaIs({ status: 'pending', started_at: null, error: null, abort: null, compensating: false })
      .thenStepsAre({ 'look-a': 'pending', 'look-b': 'pending' });
  });

  test('nothing comes before its request', () => {
    expect(() => given(started())).toThrow(/SagaStarted without a SagaRequested before it/);
  });
});

describe('in its turn', () => {
  test('one that still makes sense starts', () => {
    given(requested())
      .when(judged({ verdict: 'go' }))
      .then(started());
  });

  test('one whose subject is held by another saga waits, and nothing is recorded', () => {
    given(requested())
      .when(judged({ verdict: 'wait' }))
      .thenNothing();
  });

  test('one that would alter nothing completes at once', () => {
    given(requested())
      .when(judged({ verdict: 'nothing_to_do' }))
      .then(ends('completed'));
  });

  test('one that no longer makes sense is rejected at once, with what is said against it', () => {
    given(requested())
      .when(judged({ verdict: 'refuse', error: REFUSED }))
      .then(ends('rejected', REFUSED));
  });

  test('one that was aborted while it waited is not judged, and is over', () => {
    given(requested(), abortRequested())
      .when(judged({ verdict: 'nothing_to_do' }))
      .then(started())
      .when(deciding())
      .then(ends('rejected', ABORTED));
  });

  test('one that has started is not judged again', () => {
    given(requested('a'), started())
      .when(judged({ verdict: 'refuse', error: REFUSED }))
      .then(does('prepare', 'look-a'));
  });

  test('one whose deadline has passed while it waited still has its turn', () => {
    given(requested())
      .when(deciding({ at: DEADLINE }))
      .then(started());
  });
});

describe('what is shown', () => {
  test('once started every database is being looked at', () => {
    given(requested(), started())
      .thenSagaIs({ status: 'running' })
      .thenStepsAre({ 'look-a': 'running', 'look-b': 'running' })
      .thenStepIs('look-a', { attempts: 1 });
  });

  test('of one that had nothing to alter the looks were left out', () => {
    given(requested(), sagaCompleted()).thenStepsAre({ 'look-a': 'skipped', 'look-b': 'skipped' });
  });

  test('of one that was refused in its turn the looks were left out', () => {
    given(requested(), sagaRejected()).thenStepsAre({ 'look-a': 'skipped', 'look-b': 'skipped' });
  });
});
