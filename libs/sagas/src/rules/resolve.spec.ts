import { describe, test } from '@jest/globals';
import {
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
  planned,
  REFUSED,
  resolved,
  retryRequested,
  sagaCompensated,
  sagaStuck,
  undone,
} from '../../testing/saga-events.js';
import { deciding, ends, given, hearing, resolving, waitsUntil } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', 'a2'], b: ['b1'] });
const waiting = [ready, intended('a1'), intended('b1'), delayed('a1', after(5))];
const goingBack = [ready, done('a1', 'b1'), intended('a2'), failed('a2'), compensationStarted()];
const undoFailed = [goingBack, undone('b1'), compensationIntended('a2'), failed('a2', 'compensate'), sagaStuck()];

const purge = planned({ a: ['a1', forGood('a2')], b: [forGood('b1')] });
const pastPivot = [purge, done('a1'), intendedForGood('b1'), intendedForGood('a2'), applied('a2')];
const endless = [pastPivot, delayed('b1', after(5), { way: 'finalize' })];

describe('on the way on', () => {
  test('a step that is said to be applied counts as applied: what comes behind it goes on', () => {
    given(waiting)
      .when(resolving('a1', 'applied'))
      .then(resolved('a1', 'applied'))
      .thenStepIs('a1', { status: 'succeeded', next_attempt_at: null, fingerprint_after: 'seen of a1' })
      .when(deciding({ busy: ['b1'] }))
      .then(intended('a2'));
  });

  test('a step that is said to be applied is undone with the others when it goes back after all', () => {
    given(waiting, resolved('a1', 'applied'), failed('b1'), compensationStarted())
      .when(deciding())
      .then(compensationIntended('b1'), compensationIntended('a1'));
  });

  test('a step that is left out is waited for no more: what comes behind it goes on', () => {
    given(waiting)
      .when(resolving('a1', 'skipped'))
      .then(resolved('a1', 'skipped'))
      .thenStepsAre({ a1: 'skipped' })
      .when(deciding({ busy: ['b1'] }))
      .then(intended('a2'));
  });

  test('a step that is left out is not undone when it goes back after all: it stays as the operator found it', () => {
    given(waiting, resolved('a1', 'skipped'), failed('b1'), compensationStarted())
      .when(deciding())
      .then(compensationIntended('b1'));
  });

  test('a step cannot be said to be as it was before: only going back makes it so', () => {
    given(waiting)
      .when(resolving('a1', 'restored'))
      .thenRefused('saga_not_retryable', /to go back, abort it/);
  });

  test('a step of another database is still waited for', () => {
    given(waiting, delayed('b1', after(9)), resolved('a1', 'skipped'), done('a2'))
      .when(deciding())
      .then(waitsUntil(after(9)));
  });
});

describe('when the saga can only go back', () => {
  const failing = [waiting, failed('b1')];
  const aborted = [waiting, abortRequested()];

  test.each([
    ['after a failure', failing],
    ['after an abort', aborted],
  ])('a step cannot be said to be applied, %s: it is undone all the same', (_what, events) => {
    given(events)
      .when(resolving('a1', 'applied'))
      .thenRefused('saga_not_retryable', /the saga goes back/);
  });

  test('a step cannot be said to be as it was before: it is undone without being asked for', () => {
    given(failing)
      .when(resolving('a1', 'restored'))
      .thenRefused('saga_not_retryable', /^the saga is about to go back and undoes the step by itself/);
  });

  test('a step may be left out: it is not undone', () => {
    given(failing)
      .when(resolving('a1', 'skipped'))
      .then(resolved('a1', 'skipped'))
      .when(deciding())
      .then(compensationStarted());
  });
});

describe('on the way back', () => {
  test('a step that is said to be as it was before counts as undone: what comes before it is undone', () => {
    given(undoFailed)
      .when(resolving('a2', 'restored'))
      .then(resolved('a2', 'restored'))
      .thenSagaIs({ status: 'compensating' })
      .thenStepIs('a2', { status: 'compensated', blocked: false, fingerprint_after: 'seen of a2' })
      .when(deciding())
      .then(compensationIntended('a1'));
  });

  test('a step that is left out stays as it is: what comes before it is undone', () => {
    given(undoFailed)
      .when(resolving('a2', 'skipped'))
      .then(resolved('a2', 'skipped'))
      .thenSagaIs({ status: 'compensating' })
      .thenStepIs('a2', { status: 'skipped', blocked: false })
      .when(deciding())
      .then(compensationIntended('a1'));
  });

  test('the last step that was settled ends it, with what made it go back', () => {
    given(undoFailed, resolved('a2', 'skipped'), undone('a1')).when(deciding()).then(ends('compensated', REFUSED));
  });

  test('an undo that is tried again and again may be settled as well', () => {
    given(goingBack, compensationIntended('a2'), delayed('a2', after(5), { way: 'compensate' }))
      .when(resolving('a2', 'restored'))
      .then(resolved('a2', 'restored'));
  });

  test('a step cannot be said to be applied', () => {
    given(undoFailed)
      .when(resolving('a2', 'applied'))
      .thenRefused('saga_not_retryable', /the saga goes back: a step can be restored or skipped/);
  });
});

describe('past the pivot', () => {
  test('a step that is said to be done counts as done', () => {
    given(endless)
      .when(resolving('b1', 'applied'))
      .then(resolved('b1', 'applied'))
      .when(deciding())
      .then(ends('completed'));
  });

  test('a step that is said to be done counts as done in a stuck saga too: its error turns nothing round', () => {
    given(endless, sagaStuck()).when(resolving('b1', 'applied')).then(resolved('b1', 'applied'));
  });

  test('a step that is left out is waited for no more', () => {
    given(endless, sagaStuck())
      .when(resolving('b1', 'skipped'))
      .then(resolved('b1', 'skipped'))
      .thenSagaIs({ status: 'running' })
      .when(deciding())
      .then(ends('completed'));
  });

  test('a step cannot be said to be as it was before', () => {
    given(endless)
      .when(resolving('b1', 'restored'))
      .thenRefused(
        'saga_not_retryable',
        /cannot go back: retry it once it is stuck, or resolve the step as applied or/,
      );
  });
});

describe('a step that may be under way right now', () => {
  const undoDelayed = [goingBack, compensationIntended('a2'), delayed('a2', after(5), { way: 'compensate' })];
  const refused = /may be under way right now/;

  test('is not settled: its statement may still run', () => {
    given(waiting)
      .when(resolving('a1', 'skipped', after(5)))
      .thenRefused('saga_not_retryable', refused);
    given(undoDelayed)
      .when(resolving('a2', 'restored', after(5)))
      .thenRefused('saga_not_retryable', refused);
    given(endless)
      .when(resolving('b1', 'applied', after(5)))
      .thenRefused('saga_not_retryable', refused);
  });

  test('is settled as long as it waits for its next try', () => {
    given(waiting)
      .when(resolving('a1', 'skipped', after(4.9)))
      .then(resolved('a1', 'skipped'));
  });

  test('is not settled after a retry: the undo is tried at once', () => {
    given(undoFailed, retryRequested()).when(resolving('a2', 'skipped')).thenRefused('saga_not_retryable', refused);
  });

  test('is not settled when it waits for longer than any step does: a clock was set back, and it is tried', () => {
    given(ready, intended('a1'), delayed('a1', after(16)))
      .when(resolving('a1', 'skipped'))
      .thenRefused('saga_not_retryable', refused);
  });
});

describe('a step that was settled when its next try had just begun', () => {
  const settled = [planned({ a: ['a1', 'a2'] }), intended('a1'), delayed('a1', after(5)), resolved('a1', 'skipped')];
  const undoSettled = [undoFailed, retryRequested(), resolved('a2', 'skipped')];

  test('keeps the next one of its database waiting', () => {
    given(settled)
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
    given(undoSettled)
      .when(deciding({ busy: ['a2'] }))
      .thenNothing();
  });

  test('keeps nothing from being done on other databases', () => {
    given(ready, intended('a1'), delayed('a1', after(5)), resolved('a1', 'skipped'))
      .when(deciding({ busy: ['a1'] }))
      .then(intended('b1'));
  });

  test('keeps what destroys from being announced', () => {
    given(purge, intended('a1'), delayed('a1', after(5)), resolved('a1', 'applied'))
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
  });

  test('keeps the saga from ending', () => {
    given(settled, done('a2'))
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
    given(undoSettled, undone('a1'))
      .when(deciding({ busy: ['a2'] }))
      .thenNothing();
    given(endless, resolved('b1', 'applied'))
      .when(deciding({ busy: ['b1'] }))
      .thenNothing();
  });

  test('stays settled when the try did not work', () => {
    given(settled)
      .when(hearing(failed('a1')))
      .thenNothing()
      .when(deciding())
      .then(intended('a2'));
    given(waiting, resolved('a1', 'applied'))
      .when(hearing(delayed('a1', after(9))))
      .thenNothing();
    given(undoSettled)
      .when(hearing(failed('a2', 'compensate')))
      .thenNothing()
      .when(deciding())
      .then(compensationIntended('a1'));
    given(undoFailed, retryRequested(), resolved('a2', 'restored'))
      .when(hearing(delayed('a2', after(9), { way: 'compensate' })))
      .thenNothing();
  });

  test('is what it is when the try worked: what took effect is a fact', () => {
    given(settled)
      .when(hearing(applied('a1')))
      .then(applied('a1'))
      .thenStepsAre({ a1: 'succeeded' });
    given(undoSettled)
      .when(hearing(compensated('a2')))
      .then(compensated('a2'))
      .thenStepsAre({ a2: 'compensated' });
  });

  test('a step that nobody settled tells whatever came of it', () => {
    given(waiting)
      .when(hearing(failed('a1')))
      .then(failed('a1'));
    given(waiting)
      .when(hearing(delayed('a1', after(9))))
      .then(delayed('a1', after(9)));
  });
});

describe('what there is nothing to settle of', () => {
  test('a step that was never tried', () => {
    given(waiting)
      .when(resolving('a2', 'applied'))
      .thenRefused('saga_not_retryable', /the step is pending/);
  });

  test('a step that goes on by itself: nothing has gone wrong with it', () => {
    given(ready, intended('a1'))
      .when(resolving('a1', 'applied'))
      .thenRefused('saga_not_retryable', /is running/);
  });

  test('a step that was applied', () => {
    given(waiting, applied('a1'))
      .when(resolving('a1', 'skipped'))
      .thenRefused('saga_not_retryable', /is succeeded/);
  });

  test('a step that was undone', () => {
    given(goingBack, undone('b1'))
      .when(resolving('b1', 'skipped'))
      .thenRefused('saga_not_retryable', /is compensated/);
  });

  test('a step that was settled', () => {
    given(undoFailed, resolved('a2', 'skipped'))
      .when(resolving('a2', 'restored'))
      .thenRefused('saga_not_retryable', /is skipped/);
  });

  test('a look: it changes nothing', () => {
    given(waiting)
      .when(resolving('look-a', 'skipped'))
      .thenRefused('saga_not_retryable', /a prepare step/);
  });

  test('a step that the saga does not have', () => {
    given(waiting)
      .when(resolving('z1', 'skipped'))
      .thenRefused('saga_not_retryable', /no step z1/);
  });

  test('a saga that has ended', () => {
    given(undoFailed, resolved('a2', 'skipped'), undone('a1'), sagaCompensated())
      .when(resolving('a2', 'restored'))
      .thenRefused('saga_past_pivot', /the saga is compensated already/);
  });
});
