import { describe, test } from '@jest/globals';
import {
  after,
  compensationIntended,
  compensationStarted,
  delayed,
  failed,
  forGood,
  intended,
  intendedForGood,
  LOCKED,
  planned,
  requested,
  started,
} from '../../testing/saga-events.js';
import { failing, given } from '../../testing/spec-kit.js';
import type { Failure } from '../definition.js';
import type { StepError } from '../events.js';

function failure({ code, message, details }: StepError, how: Pick<Failure, 'retryable' | 'outcome'>): Failure {
  return Object.assign(new Error(message), { code, details, ...how });
}
const BAD: StepError = { code: 'database_error', message: 'it refused', database: 'a', step_id: 'a1' };
const CONFLICT: StepError = { ...BAD, code: 'rows_conflict', message: 'rows do not fit' };
const UNEXPECTED: StepError = { ...BAD, message: 'unexpected error, see the log' };

const locked = failure(LOCKED, { retryable: true, outcome: 'not_applied' });
const cutOff = failure(LOCKED, { retryable: false, outcome: 'unknown' });
const refused = failure(BAD, { retryable: false, outcome: 'not_applied' });
const conflict = failure(CONFLICT, { retryable: false, outcome: 'not_applied' });
const bug = new TypeError('no such thing');

const looking = [requested('a'), started()];
const applying = [planned({ a: ['a1'] }), intended('a1')];
const undoing = [applying, failed('a1'), compensationStarted(), compensationIntended('a1')];
const destroying = [planned({ a: [forGood('a1')] }), intendedForGood('a1')];

describe('a step that is applied', () => {
  test('is tried again when it may work later', () => {
    given(applying)
      .when(failing('a1', locked))
      .then(delayed('a1', after(0.2)));
  });

  test('is tried again when it may have worked: only then is it known', () => {
    given(applying)
      .when(failing('a1', cutOff))
      .then(delayed('a1', after(0.2)));
  });

  test('has failed when it was refused', () => {
    given(applying)
      .when(failing('a1', refused))
      .then(failed('a1', 'apply', BAD));
  });

  test('has failed when nobody knows what was thrown, and tells nothing of it', () => {
    given(applying)
      .when(failing('a1', bug))
      .then(failed('a1', 'apply', UNEXPECTED));
  });
});

describe('a look', () => {
  const of = (error: StepError): StepError => ({ ...error, step_id: 'look-a' });

  test('is tried again when it may work later', () => {
    given(looking)
      .when(failing('look-a', locked))
      .then(delayed('look-a', after(0.2), { way: 'prepare', error: of(LOCKED) }));
  });

  test('that found a reason against it has failed', () => {
    given(looking)
      .when(failing('look-a', refused))
      .then(failed('look-a', 'prepare', of(BAD)));
  });
});

describe('an undo', () => {
  test.each([
    ['may work later', locked, LOCKED],
    ['may have worked', cutOff, LOCKED],
    ['was refused', refused, BAD],
    ['threw something that nobody knows', bug, UNEXPECTED],
  ])('is tried for as long as it takes when it %s', (_what, thrown, error) => {
    given(undoing)
      .when(failing('a1', thrown))
      .then(delayed('a1', after(0.2), { way: 'compensate', error }));
  });

  test('that rows do not fit waits for a person', () => {
    given(undoing)
      .when(failing('a1', conflict))
      .then(failed('a1', 'compensate', CONFLICT));
  });
});

describe('what destroys', () => {
  test.each([
    ['may work later', locked, LOCKED],
    ['may have worked', cutOff, LOCKED],
    ['was refused', refused, BAD],
    ['met rows that do not fit', conflict, CONFLICT],
    ['threw something that nobody knows', bug, UNEXPECTED],
  ])('is tried until it is done when it %s', (_what, thrown, error) => {
    given(destroying)
      .when(failing('a1', thrown))
      .then(delayed('a1', after(0.2), { way: 'finalize', error }));
  });
});

describe('how long it is waited', () => {
  test('twice as long after each try, and never longer than a quarter of a minute', () => {
    const tried = (attempt: number): Parameters<typeof given> => [applying, delayed('a1', after(1), { attempt })];
    given(...tried(2))
      .when(failing('a1', locked))
      .then(delayed('a1', after(1.4), { attempt: 3 }));
    given(...tried(3))
      .when(failing('a1', locked))
      .then(delayed('a1', after(1.8), { attempt: 4 }));
    given(...tried(8))
      .when(failing('a1', locked))
      .then(delayed('a1', after(16), { attempt: 9 }));
    given(...tried(5000))
      .when(failing('a1', locked))
      .then(delayed('a1', after(16), { attempt: 5001 }));
  });

  test('half of it at least, so that those that failed together do not all come back at once', () => {
    given(applying)
      .when(failing('a1', locked, 0))
      .then(delayed('a1', after(0.1)));
  });
});

test('what the database tells of a failure is kept with it', () => {
  const detailed = { ...BAD, details: { column: 'code' } };
  given(applying)
    .when(failing('a1', failure(detailed, { retryable: false, outcome: 'not_applied' })))
    .then(failed('a1', 'apply', detailed));
});

test('a step that is tried again is no failure of the saga', () => {
  given(applying)
    .when(failing('a1', locked))
    .then(delayed('a1', after(0.2)))
    .thenSagaIs({ status: 'running', error: null })
    .thenStepIs('a1', { status: 'running', error: LOCKED });
});
