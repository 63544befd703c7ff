import { describe, test } from '@jest/globals';
import {
  ABORTED,
  abortRequested,
  after,
  applied,
  compensated,
  compensationIntended,
  compensationStarted,
  delayed,
  done,
  failed,
  forGood,
  intended,
  intendedForGood,
  letGo,
  LOST,
  planned,
  prepared,
  REFUSED,
  requested,
  resolved,
  sagaCompleted,
  sagaStuck,
  started,
  undone,
} from '../testing/saga-events.js';
import { deciding, ends, given, losing } from '../testing/spec-kit.js';

// The database b is gone for good: what a saga still has to do with it ends without touching it.

const ready = planned({ a: ['a1'], b: ['b1', 'b2'] });
const purge = planned({ a: [forGood('a1')], b: [forGood('b1'), forGood('b2')] });

describe('a saga that can still go back', () => {
  test('is aborted', () => {
    given(requested('a', 'b'), started(), prepared('a', ['a1']))
      .when(losing('b'))
      .then(abortRequested(LOST))
      .when(deciding({ busy: ['look-b'] }))
      .then(ends('rejected', { ...ABORTED, message: `aborted: ${LOST}` }));
  });

  test('goes back on the others, and is not undone there', () => {
    given(ready, done('a1', 'b1'), intended('b2'))
      .when(losing('b'))
      .then(abortRequested(LOST), letGo('b1'), letGo('b2'))
      .when(deciding())
      .then(compensationStarted({ ...ABORTED, message: `aborted: ${LOST}` }))
      .when(deciding())
      .then(compensationIntended('a1'));
  });

  test('that was aborted already is not aborted again', () => {
    given(ready, intended('a1'), intended('b1'), abortRequested()).when(losing('b')).then(letGo('b1'));
  });
});

describe('a saga that goes back already', () => {
  const goingBack = [ready, done('a1', 'b1'), intended('b2'), failed('b2'), compensationStarted()];

  test('waits there no longer for an undo', () => {
    given(goingBack, undone('a1'), compensationIntended('b2'), delayed('b2', after(5), { way: 'compensate' }))
      .when(losing('b'))
      .then(letGo('b1'), letGo('b2'))
      .when(deciding())
      .then(ends('compensated', REFUSED));
  });

  test('that is stuck there goes on', () => {
    given(goingBack, compensationIntended('b2'), failed('b2', 'compensate'), sagaStuck(), letGo('b1'), letGo('b2'))
      .thenSagaIs({ status: 'compensating' })
      .when(deciding())
      .then(compensationIntended('a1'));
  });

  test('is let go of nothing that is undone or left out there', () => {
    given(goingBack, undone('b2'), undone('a1')).when(losing('b')).then(letGo('b1'));
    given(goingBack, resolved('b2', 'skipped')).when(losing('b')).then(letGo('b1'));
  });
});

describe('a saga past its pivot', () => {
  test('goes on without it, and destroys nothing more there', () => {
    given(purge, intendedForGood('a1'), intendedForGood('b1'))
      .when(losing('b'))
      .then(letGo('b1'), letGo('b2'))
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
    given(purge, intendedForGood('a1'), intendedForGood('b1'), letGo('b1'), letGo('b2'), applied('a1'))
      .when(deciding())
      .then(ends('completed'));
  });

  test('keeps what was done there', () => {
    given(purge, intendedForGood('a1'), intendedForGood('b1'), applied('b1')).when(losing('b')).then(letGo('b2'));
  });
});

describe('what still comes of a step that was let go', () => {
  test.each([
    ['it was applied after all', applied('b1')],
    ['it failed', failed('b1')],
    ['it is to be tried again', delayed('b1', after(5))],
    ['it was undone', compensated('b1')],
  ])('counts for nothing: %s', (_what, outcome) => {
    given(ready, done('a1'), intended('b1'), abortRequested(LOST), letGo('b1'), outcome)
      .thenSagaIs({ error: null })
      .thenStepIs('b1', { status: 'skipped', next_attempt_at: null, error: null });
  });
});

describe('a saga that has nothing to do with it', () => {
  test('is left alone', () => {
    given(planned({ a: ['a1'], c: ['c1'] }))
      .when(losing('b'))
      .thenNothing();
  });

  test('is left alone when it is over', () => {
    given(ready, done('a1', 'b1', 'b2'), sagaCompleted())
      .when(losing('b'))
      .thenNothing();
  });
});
