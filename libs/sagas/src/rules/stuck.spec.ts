import { describe, test } from '@jest/globals';
import {
  after,
  compensated,
  compensationIntended,
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
  requested,
  resolved,
  retryRequested,
  sagaCompleted,
  sagaStuck,
  undone,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, retrying, waitsUntil } from '../../testing/spec-kit.js';

const CONFLICT = { code: 'rows_conflict', message: 'rows do not fit', database: 'a', step_id: 'a2' };
const ready = planned({ a: ['a1', 'a2'], b: ['b1'] });
const goingBack = [ready, done('a1', 'b1'), intended('a2'), failed('a2'), compensationStarted()];
const blocked = [
  goingBack,
  compensationIntended('b1'),
  compensationIntended('a2'),
  failed('a2', 'compensate', CONFLICT),
];
const beyond = (seconds: number): string => after(seconds, DEADLINE);
const undoDelayed = [
  goingBack,
  undone('b1'),
  compensationIntended('a2'),
  delayed('a2', beyond(5), { way: 'compensate' }),
];

describe('an undo that cannot be done', () => {
  test('makes the saga stuck: a person has to see to it', () => {
    given(blocked, compensated('b1')).when(deciding()).then(sagaStuck(CONFLICT));
  });

  test('is not tried again by itself, and is told once', () => {
    given(blocked, compensated('b1'), sagaStuck(CONFLICT)).when(deciding()).thenNothing();
  });

  test('keeps no other database from going back', () => {
    given(blocked).when(deciding()).then(sagaStuck(CONFLICT), does('compensate', 'b1'));
  });

  test('keeps what was done before it on its database', () => {
    given(blocked, compensated('b1'), sagaStuck(CONFLICT)).thenStepsAre({ a1: 'succeeded', a2: 'failed' });
  });

  test('does not change why it goes back', () => {
    given(blocked, sagaStuck(CONFLICT)).thenErrorShownIs(REFUSED);
    given(blocked, sagaStuck(CONFLICT))
      .thenSagaIs({ status: 'stuck', error: REFUSED, compensating: true })
      .thenStepIs('a2', { error: CONFLICT, blocked: true });
  });
});

describe('an undo that cannot be done now', () => {
  test('is tried before the deadline without further ado', () => {
    given(undoDelayed)
      .when(deciding({ at: beyond(-5) }))
      .then(waitsUntil(beyond(5)));
  });

  test('is tried past the deadline, and the saga is shown as stuck', () => {
    given(undoDelayed)
      .when(deciding({ at: DEADLINE }))
      .then(sagaStuck(LOCKED), waitsUntil(beyond(5)))
      .when(deciding({ at: beyond(5) }))
      .then(does('compensate', 'a2'));
  });

  test('that was never tried yet is not stuck, however late it is', () => {
    given(goingBack, compensationIntended('a2'), undone('b1'))
      .when(deciding({ at: beyond(60) }))
      .then(does('compensate', 'a2'));
  });

  test('that is done at last lets the saga go on by itself', () => {
    given(undoDelayed, sagaStuck(LOCKED), compensated('a2'))
      .when(deciding({ at: beyond(9) }))
      .then(compensationIntended('a1'))
      .thenSagaIs({ status: 'stuck' })
      .when(deciding({ at: beyond(9) }))
      .then(does('compensate', 'a1'));
  });
});

describe('a retry', () => {
  const stuck = [blocked, compensated('b1'), sagaStuck(CONFLICT)];

  test('lets a stuck saga go back further: the undo is tried again at once', () => {
    given(stuck)
      .when(retrying())
      .then(retryRequested())
      .thenSagaIs({ status: 'compensating' })
      .thenStepIs('a2', { status: 'compensating', blocked: false })
      .when(deciding())
      .then(does('compensate', 'a2'));
  });

  test('waits for no time that was set before it', () => {
    given(undoDelayed, sagaStuck(LOCKED), retryRequested())
      .when(deciding({ at: DEADLINE }))
      .then(does('compensate', 'a2'));
  });

  test('lets a saga past its pivot go on, never back', () => {
    const late = delayed('a1', beyond(5), { way: 'finalize' });
    given(planned({ a: [forGood('a1')] }), intendedForGood('a1'), late, sagaStuck(LOCKED))
      .when(retrying())
      .then(retryRequested())
      .thenSagaIs({ status: 'running', compensating: false })
      .when(deciding({ at: DEADLINE }))
      .then(does('finalize', 'a1'));
  });

  test('that fails in the same way makes it stuck again', () => {
    given(stuck, retryRequested(), failed('a2', 'compensate', CONFLICT))
      .when(deciding())
      .then(sagaStuck(CONFLICT));
  });

  test('of what was undone changes nothing', () => {
    given(stuck, retryRequested()).thenStepsAre({ a1: 'succeeded', b1: 'compensated' });
  });

  test.each([
    ['pending', [requested()]],
    ['running', ready],
    ['compensating', goingBack],
    ['completed', [ready, done('a1', 'a2', 'b1'), sagaCompleted()]],
  ])('of a saga that is %s is refused: it goes on by itself, or is over', (status, events) => {
    given(events)
      .when(retrying())
      .thenRefused('saga_not_retryable', new RegExp(`^the saga is ${status}, not stuck$`));
  });
});

describe('several undos that cannot be done', () => {
  const both = [blocked, failed('b1', 'compensate', LOCKED), sagaStuck(LOCKED)];

  test('one that is settled leaves the other: it is stuck again', () => {
    given(both, resolved('b1', 'restored'))
      .thenSagaIs({ status: 'compensating' })
      .when(deciding())
      .then(sagaStuck(CONFLICT));
  });

  test('a retry is of all of them', () => {
    given(both, retryRequested()).when(deciding()).then(does('compensate', 'b1'), does('compensate', 'a2'));
  });

  test('once all are settled and undone it is over', () => {
    given(both, resolved('b1', 'restored'), resolved('a2', 'skipped'), undone('a1'))
      .when(deciding())
      .then(ends('compensated', REFUSED));
  });
});
