import { describe, test } from '@jest/globals';
import type { SagaEvent, StepError, Way } from '../events.js';
import {
  after,
  applied,
  compensationStarted,
  DEADLINE,
  delayed,
  done,
  failed,
  intended,
  planned,
  prepared,
  REFUSED,
  requested,
  started,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, waitsUntil } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1'], b: ['b1'] });
const beforeDeadline = after(-5, DEADLINE);
const waiting = [ready, intended('a1'), done('b1'), delayed('a1', after(3, DEADLINE))];

function tooLate(step_id: string, tries = '1 attempt'): StepError {
  const message = `gave up at the deadline after ${tries}; last: it is locked`;
  return { code: 'deadline_exceeded', message, database: 'a', step_id };
}
function givenUp(step_id: string, way: Way, tries?: string): SagaEvent {
  return failed(step_id, way, tooLate(step_id, tries));
}

describe('what has to wait', () => {
  test('waits no longer than until the deadline', () => {
    given(waiting)
      .when(deciding({ at: beforeDeadline }))
      .then(waitsUntil(DEADLINE));
  });

  test('is given up at the deadline, with what it waited for', () => {
    given(waiting)
      .when(deciding({ at: DEADLINE }))
      .then(givenUp('a1', 'apply'))
      .when(deciding({ at: DEADLINE }))
      .then(compensationStarted(tooLate('a1')));
  });

  test('tells how often it was tried: the try that it waited for is not one', () => {
    given(waiting, delayed('a1', after(8, DEADLINE), { attempt: 3 }))
      .when(deciding({ at: DEADLINE }))
      .then(givenUp('a1', 'apply', '2 attempts'));
  });

  test('is given up at the deadline while other databases are under way', () => {
    given(ready, intended('a1'), intended('b1'), delayed('a1', after(3, DEADLINE)))
      .when(deciding({ at: DEADLINE, busy: ['b1'] }))
      .then(givenUp('a1', 'apply'))
      .when(deciding({ at: DEADLINE, busy: ['b1'] }))
      .thenNothing();
  });

  test('a look is given up like it, and then nothing was touched', () => {
    given(requested('a', 'b'), started(), prepared('b', ['b1']), delayed('look-a', after(5), { way: 'prepare' }))
      .when(deciding({ at: DEADLINE }))
      .then(givenUp('look-a', 'prepare'))
      .when(deciding({ at: DEADLINE }))
      .then(ends('rejected', tooLate('look-a')));
  });
});

describe('what does not have to wait', () => {
  test('a step that is under way is let finish, and counts', () => {
    given(waiting)
      .when(deciding({ at: DEADLINE, busy: ['a1'] }))
      .thenNothing();
    given(waiting, applied('a1'))
      .when(deciding({ at: DEADLINE }))
      .then(ends('completed'));
  });

  test('a step that was announced and never delayed is done', () => {
    given(ready, intended('a1'), done('b1'))
      .when(deciding({ at: DEADLINE }))
      .then(does('apply', 'a1'));
  });

  test('a step that comes next is announced', () => {
    given(ready, done('b1'))
      .when(deciding({ at: DEADLINE }))
      .then(intended('a1'));
  });
});

test('a step that was given up is shown as failed, and waits for nothing', () => {
  given(waiting, failed('a1'))
    .thenSagaIs({ status: 'running', error: REFUSED })
    .thenStepIs('a1', { status: 'failed', next_attempt_at: null, error: REFUSED });
});
