import { describe, test } from '@jest/globals';
import {
  ABORTED,
  abortRequested,
  after,
  applied,
  compensationStarted,
  DEADLINE,
  delayed,
  done,
  failed,
  forGood,
  intended,
  intendedForGood,
  LOCKED,
  planned,
  REFUSED,
  resolved,
  retryRequested,
  sagaCompleted,
  sagaStuck,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, waitsUntil } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', forGood('a2'), forGood('a3')], b: ['b1', forGood('b2')] });
const allApplied = [ready, done('a1', 'b1')];
const pastPivot = [allApplied, intendedForGood('a2'), intendedForGood('b2')];
const beyond = (seconds: number): string => after(seconds, DEADLINE);
const waiting = delayed('b2', beyond(5), { way: 'finalize' });

describe('before the pivot', () => {
  test('nothing is destroyed anywhere before every database has done everything else', () => {
    given(ready, done('a1'), intended('b1'))
      .when(deciding({ busy: ['b1'] }))
      .thenNothing();
  });

  test('nothing is destroyed anywhere while another database has to try again', () => {
    given(ready, done('a1'), intended('b1'), delayed('b1', after(5)))
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('a failure goes back, though another database has only its end to come', () => {
    given(ready, done('a1'), intended('b1'), failed('b1')).when(deciding()).then(compensationStarted());
  });

  test('an abort goes back, even when everything is applied', () => {
    given(allApplied, abortRequested()).when(deciding()).then(compensationStarted(ABORTED));
  });

  test('what goes back destroys nothing', () => {
    given(allApplied, abortRequested(), compensationStarted(ABORTED)).thenStepsAre({
      a2: 'skipped',
      a3: 'skipped',
      b2: 'skipped',
    });
  });
});

describe('at the pivot', () => {
  test('what destroys is announced as such, the first of each database', () => {
    given(allApplied)
      .when(deciding({ token: 7 }))
      .then(intendedForGood('a2', 7), intendedForGood('b2', 7));
  });

  test('what was announced is done, different databases side by side', () => {
    given(pastPivot).when(deciding()).then(does('finalize', 'a2'), does('finalize', 'b2'));
  });

  test('a saga that does nothing else comes to it at once', () => {
    given(planned({ a: [forGood('a1')] }))
      .when(deciding())
      .then(intendedForGood('a1'));
  });
});

describe('past the pivot', () => {
  test('an abort that was asked for meanwhile changes nothing', () => {
    given(pastPivot, abortRequested())
      .when(deciding({ busy: ['a2'] }))
      .then(does('finalize', 'b2'));
  });

  test('an error does not turn it round', () => {
    given(pastPivot, failed('b2', 'finalize'))
      .when(deciding({ busy: ['a2'] }))
      .then(does('finalize', 'b2'));
  });

  test('a step that is under way is not begun again', () => {
    given(pastPivot)
      .when(deciding({ busy: ['a2', 'b2'] }))
      .thenNothing();
  });

  test('a step of which nothing was heard is done again: the process may have died', () => {
    given(pastPivot, applied('a2'), intendedForGood('a3'))
      .when(deciding({ busy: ['a3'] }))
      .then(does('finalize', 'b2'));
  });

  test('the next step of a database waits for the one before it, and for no other database', () => {
    given(pastPivot, applied('a2'))
      .when(deciding({ busy: ['b2'] }))
      .then(intendedForGood('a3'));
  });

  test('it is complete once everything is done everywhere', () => {
    given(pastPivot, applied('a2'), applied('b2'), intendedForGood('a3'), applied('a3'))
      .when(deciding())
      .then(ends('completed'));
  });
});

describe('a step that cannot be done now', () => {
  const onlyThis = [pastPivot, applied('a2'), intendedForGood('a3'), applied('a3'), waiting];

  test('is tried again when it is due, however long after the deadline', () => {
    given(onlyThis, sagaStuck(LOCKED))
      .when(deciding({ at: DEADLINE }))
      .then(waitsUntil(beyond(5)))
      .when(deciding({ at: beyond(5) }))
      .then(does('finalize', 'b2'));
  });

  test('is waited for beyond the deadline: before it the saga is not stuck', () => {
    given(onlyThis)
      .when(deciding({ at: beyond(-5) }))
      .then(waitsUntil(beyond(5)));
  });

  test('is shown as stuck from the deadline on, once', () => {
    given(onlyThis)
      .when(deciding({ at: DEADLINE }))
      .then(sagaStuck(LOCKED), waitsUntil(beyond(5)))
      .thenSagaIs({ status: 'stuck', error: LOCKED, compensating: false })
      .when(deciding({ at: DEADLINE }))
      .then(waitsUntil(beyond(5)));
  });

  test('keeps no other database from going on', () => {
    given(pastPivot, waiting, applied('a2'), sagaStuck(LOCKED))
      .when(deciding({ at: DEADLINE }))
      .then(intendedForGood('a3'), waitsUntil(beyond(5)));
  });

  test('that is done at last completes the saga by itself', () => {
    given(onlyThis, sagaStuck(LOCKED), applied('b2'))
      .when(deciding({ at: beyond(9) }))
      .then(ends('completed'));
  });

  test('tells its latest error while the saga is stuck, and none while it goes on', () => {
    const again = delayed('b2', beyond(9), { way: 'finalize', error: REFUSED });
    given(onlyThis, sagaStuck(LOCKED)).thenErrorShownIs(LOCKED);
    given(onlyThis, sagaStuck(LOCKED), again).thenErrorShownIs(REFUSED);
    given(onlyThis, sagaStuck(LOCKED), retryRequested()).thenErrorShownIs(null);
    given(onlyThis, sagaStuck(LOCKED), retryRequested(), again, sagaStuck(REFUSED)).thenErrorShownIs(REFUSED);
    given(onlyThis, sagaStuck(LOCKED), resolved('b2', 'applied')).thenErrorShownIs(null);
  });

  test('tells the error that made the saga stuck as long as it is shown as such', () => {
    given(pastPivot, waiting, sagaStuck(LOCKED), applied('b2')).thenErrorShownIs(LOCKED);
  });

  test('tells no error once the saga is complete', () => {
    given(onlyThis, sagaStuck(LOCKED), applied('b2'), sagaCompleted())
      .thenSagaIs({ status: 'completed', error: null })
      .thenStepIs('b2', { error: null });
  });
});
