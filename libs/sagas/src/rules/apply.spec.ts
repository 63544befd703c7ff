import { describe, test } from '@jest/globals';
import { after, applied, delayed, done, intended, planned } from '../../testing/saga-events.js';
import { deciding, does, ends, given, waitsUntil } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', 'a2'], b: ['b1'] });

describe('what is done, and when', () => {
  test('a step is announced before anything is done, the first of each database', () => {
    given(ready).when(deciding()).then(intended('a1'), intended('b1'));
  });

  test('an announcement bears the token of whoever makes it', () => {
    given(ready)
      .when(deciding({ token: 7 }))
      .then(intended('a1', 7), intended('b1', 7));
  });

  test('what was announced is done, different databases side by side', () => {
    given(ready, intended('a1'), intended('b1')).when(deciding()).then(does('apply', 'a1'), does('apply', 'b1'));
  });

  test('a step that is under way is not begun again', () => {
    given(ready, intended('a1'), intended('b1'))
      .when(deciding({ busy: ['a1', 'b1'] }))
      .thenNothing();
  });

  test('the next step of a database waits for the one before it', () => {
    given(ready, intended('a1'), done('b1'))
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
  });

  test('the next step of a database waits for no other database', () => {
    given(ready, done('a1'), intended('b1'))
      .when(deciding({ busy: ['b1'] }))
      .then(intended('a2'));
  });

  test('it is complete once every step of every database is applied', () => {
    given(ready, done('a1', 'a2', 'b1'))
      .when(deciding())
      .then(ends('completed'));
  });

  test('it is not complete while a step is under way', () => {
    given(ready, done('a1', 'a2'), intended('b1'))
      .when(deciding({ busy: ['b1'] }))
      .thenNothing();
  });
});

describe('unknown outcomes', () => {
  test('a step that was announced and of which nothing was heard is done again: the process may have died', () => {
    given(ready, intended('a1'), done('b1')).when(deciding()).then(does('apply', 'a1'));
  });

  test('what was announced by another token is not announced again', () => {
    given(ready, intended('a1', 1), done('b1'))
      .when(deciding({ token: 2 }))
      .then(does('apply', 'a1'));
  });
});

describe('what has to wait', () => {
  const waiting = [ready, intended('a1'), intended('b1'), delayed('a1', after(5))];

  test('a delayed step is done when it is due, and not before', () => {
    given(waiting)
      .when(deciding({ busy: ['b1'] }))
      .then(waitsUntil(after(5)))
      .when(deciding({ at: after(5), busy: ['b1'] }))
      .then(does('apply', 'a1'));
  });

  test('other databases go on meanwhile', () => {
    given(waiting)
      .when(deciding())
      .then(does('apply', 'b1'), waitsUntil(after(5)));
  });

  test('of two delayed steps the one that is due first wakes', () => {
    given(waiting, delayed('b1', after(3)))
      .when(deciding())
      .then(waitsUntil(after(3)));
    given(waiting, delayed('b1', after(9)))
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('a delayed step that is under way again wakes nobody', () => {
    given(waiting)
      .when(deciding({ busy: ['a1', 'b1'] }))
      .thenNothing();
  });

  test('the next step of its database waits with it', () => {
    given(waiting, applied('b1'))
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('it is not complete while a step is delayed', () => {
    given(ready, done('a1', 'b1'), intended('a2'), delayed('a2', after(5)))
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('a step delayed by a clock that was ahead does not wait until that time comes', () => {
    given(ready, intended('a1'), intended('b1'), delayed('a1', after(40 * 60)))
      .when(deciding({ busy: ['b1'] }))
      .then(does('apply', 'a1'));
  });

  test('the longest delay there is is waited for', () => {
    given(ready, intended('a1'), done('b1'), delayed('a1', after(15)))
      .when(deciding())
      .then(waitsUntil(after(15)));
  });
});

describe('what is shown', () => {
  test('an announced step is running, at its first try', () => {
    given(ready, intended('a1')).thenStepIs('a1', { status: 'running', intended: true, attempts: 1, error: null });
  });

  test('an applied step tells what was done, and how its table looked before and after', () => {
    given(ready, done('a1')).thenStepIs('a1', {
      status: 'succeeded',
      statements: ['did a1'],
      fingerprint_before: 'before a1',
      fingerprint_after: 'after a1',
      duration_ms: 2,
    });
  });

  test('a delayed step tells why, and when it is tried again', () => {
    given(ready, intended('a1'), delayed('a1', after(5)))
      .thenSagaIs({ status: 'running', error: null })
      .thenStepIs('a1', { status: 'running', attempts: 2, next_attempt_at: after(5) });
  });

  test('a step that was applied after another try tells no error and no next try', () => {
    given(ready, intended('a1'), delayed('a1', after(5)), applied('a1')).thenStepIs('a1', {
      status: 'succeeded',
      attempts: 2,
      next_attempt_at: null,
      error: null,
    });
  });
});
