import { describe, test } from '@jest/globals';
import {
  ABORTED,
  abortRequested,
  after,
  applied,
  compensated,
  compensationIntended,
  compensationStarted,
  DEADLINE,
  delayed,
  done,
  failed,
  intended,
  LOCKED,
  planned,
  REFUSED,
  sagaCompensated,
  undone,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, hearing, waitsUntil } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', 'a2'], b: ['b1'] });
const oneFailed = [ready, intended('a1'), intended('b1'), failed('b1')];
const goingBack = [ready, done('a1', 'b1'), intended('a2'), failed('a2'), compensationStarted()];

describe('when a step failed', () => {
  test('it goes back, and says why', () => {
    given(oneFailed, applied('a1')).when(deciding()).then(compensationStarted(REFUSED));
  });

  test('what is under way is let finish first: its outcome tells what there is to undo', () => {
    given(oneFailed)
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
  });

  test('nothing more is begun on the other databases', () => {
    given(ready, done('a1'), intended('b1'), failed('b1')).when(deciding()).then(compensationStarted());
  });

  test('what waits for another try is not tried again', () => {
    given(oneFailed, delayed('a1', after(5)))
      .when(deciding({ at: after(5) }))
      .then(compensationStarted());
  });

  test('of several that failed the first says why', () => {
    given(oneFailed, failed('a1', 'apply', LOCKED)).thenSagaIs({ error: REFUSED });
    given(oneFailed, failed('a1', 'apply', LOCKED))
      .when(deciding())
      .then(compensationStarted(REFUSED));
  });
});

describe('what is undone', () => {
  test('every step that was announced, the one that failed included: part of it may have been done', () => {
    given(oneFailed, applied('a1'), compensationStarted())
      .when(deciding())
      .then(compensationIntended('b1'), compensationIntended('a1'));
  });

  test('a step of which the outcome is unknown', () => {
    given(ready, intended('a1'), intended('b1'), failed('b1'), compensationStarted())
      .when(deciding())
      .then(compensationIntended('b1'), compensationIntended('a1'));
  });

  test('no step that was never announced: it is left out', () => {
    given(oneFailed, applied('a1'), compensationStarted()).thenStepsAre({
      'look-a': 'succeeded',
      'a1': 'succeeded',
      'a2': 'skipped',
      'b1': 'failed',
    });
  });
});

describe('in which order', () => {
  test('the last step of a database first, different databases side by side', () => {
    given(goingBack).when(deciding()).then(compensationIntended('b1'), compensationIntended('a2'));
  });

  test('an undo is announced before anything is done, with the token of whoever does it', () => {
    given(goingBack)
      .when(deciding({ token: 7 }))
      .then(compensationIntended('b1', 7), compensationIntended('a2', 7))
      .when(deciding({ token: 7 }))
      .then(does('compensate', 'b1'), does('compensate', 'a2'));
  });

  test('an undo that is under way is not begun again', () => {
    given(goingBack, compensationIntended('b1'), compensationIntended('a2'))
      .when(deciding({ busy: ['a2'] }))
      .then(does('compensate', 'b1'));
  });

  test('the step before it waits for the undo of the step behind it', () => {
    given(goingBack, compensationIntended('a2'), undone('b1'))
      .when(deciding({ busy: ['a2'] }))
      .thenNothing();
  });

  test('the step before it is undone when the one behind it is', () => {
    given(goingBack, undone('a2', 'b1')).when(deciding()).then(compensationIntended('a1'));
  });

  test('a database waits for no other one', () => {
    given(goingBack, undone('a2'), compensationIntended('b1'))
      .when(deciding({ busy: ['b1'] }))
      .then(compensationIntended('a1'));
  });

  test('an undo of which nothing was heard is done again: the process may have died', () => {
    given(goingBack, compensationIntended('a2'), undone('b1')).when(deciding()).then(does('compensate', 'a2'));
  });

  test('an undo that is delayed is done when it is due', () => {
    given(goingBack, compensationIntended('a2'), undone('b1'), delayed('a2', after(5), { way: 'compensate' }))
      .when(deciding())
      .then(waitsUntil(after(5)))
      .when(deciding({ at: after(5) }))
      .then(does('compensate', 'a2'));
  });
});

describe('a step that waited for another try on the way on', () => {
  const aborted = [ready, intended('a1'), done('b1'), delayed('a1', after(15)), abortRequested()];

  test('is undone at once: it is not tried again', () => {
    given(aborted, compensationStarted(ABORTED))
      .when(deciding())
      .then(compensationIntended('b1'), compensationIntended('a1'))
      .when(deciding())
      .then(does('compensate', 'b1'), does('compensate', 'a1'));
  });

  test('waits again only once its undo has to', () => {
    given(aborted, compensationStarted(ABORTED), undone('b1'), compensationIntended('a1'))
      .when(hearing(delayed('a1', after(5), { way: 'compensate' })))
      .then(delayed('a1', after(5), { way: 'compensate' }))
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('makes no saga stuck past the deadline: its undo was not tried yet', () => {
    const late = after(5, DEADLINE);
    given(ready, intended('a1'), intended('b1'), delayed('a1', late), failed('b1'), compensationStarted())
      .when(deciding({ at: late }))
      .then(compensationIntended('b1'), compensationIntended('a1'));
  });
});

describe('how it ends', () => {
  test('compensated once everything is undone, with what made it go back', () => {
    given(goingBack, undone('b1', 'a2', 'a1'))
      .when(deciding())
      .then(ends('compensated', REFUSED));
  });

  test('not while an undo is under way', () => {
    given(goingBack, undone('b1', 'a2'), compensationIntended('a1'))
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
  });

  test('it never turns round: what an operator asks late does not change why it goes back', () => {
    given(goingBack, undone('b1', 'a2', 'a1'), abortRequested())
      .when(deciding())
      .then(ends('compensated', REFUSED));
  });
});

describe('what is shown', () => {
  test('it is compensating from the moment it turns', () => {
    given(goingBack)
      .thenSagaIs({ status: 'compensating', compensating: true, error: REFUSED })
      .thenErrorShownIs(REFUSED);
  });

  test('why it will go back is told from the moment the step failed', () => {
    given(oneFailed).thenErrorShownIs(REFUSED);
  });

  test('an undone step tells what was done for it', () => {
    given(goingBack, undone('a2')).thenStepIs('a2', {
      status: 'compensated',
      compensation: ['undid a2'],
      fingerprint_after: 'before a2',
      duration_ms: 3,
      next_attempt_at: null,
    });
  });

  test('a step that was applied keeps how its table looked before it', () => {
    given(goingBack, undone('b1')).thenStepIs('b1', {
      fingerprint_before: 'before b1',
      fingerprint_after: 'before b1',
    });
  });

  test('a step that was never seen applied has had nothing else than what it was found as', () => {
    given(goingBack, compensated('a2')).thenStepIs('a2', { fingerprint_before: 'before a2' });
  });

  test('an undo starts counting its tries anew, whatever the step waited for before', () => {
    given(oneFailed, delayed('a1', after(5)), compensationStarted(), compensationIntended('a1')).thenStepIs('a1', {
      status: 'compensating',
      attempts: 1,
      next_attempt_at: null,
    });
  });

  test('a step that was undone after another try waits for nothing', () => {
    given(
      goingBack,
      compensationIntended('a2'),
      delayed('a2', after(5), { way: 'compensate' }),
      compensated('a2'),
    ).thenStepIs('a2', { status: 'compensated', attempts: 2, next_attempt_at: null });
  });

  test('at its end it tells why', () => {
    given(goingBack, undone('b1', 'a2', 'a1'), sagaCompensated()).thenSagaIs({ status: 'compensated', error: REFUSED });
  });
});
