import { describe, test } from '@jest/globals';
import {
  after,
  delayed,
  failed,
  forGood,
  intended,
  prepared,
  REFUSED,
  requested,
  started,
} from '../../testing/saga-events.js';
import { deciding, does, ends, given, waitsUntil } from '../../testing/spec-kit.js';

const looking = [requested('a', 'b'), started()];
const lookDelayed = delayed('look-b', after(5), { way: 'prepare' });

describe('looking', () => {
  test('every database is looked at, side by side', () => {
    given(looking).when(deciding()).then(does('prepare', 'look-a'), does('prepare', 'look-b'));
  });

  test('a look that is under way is not begun again', () => {
    given(looking)
      .when(deciding({ busy: ['look-a'] }))
      .then(does('prepare', 'look-b'));
  });

  test('no database is touched while another one is being looked at', () => {
    given(looking, prepared('a', ['a1']))
      .when(deciding({ busy: ['look-b'] }))
      .thenNothing();
  });

  test('no database is touched while the look at another one is to be tried again', () => {
    given(looking, prepared('a', ['a1']), lookDelayed)
      .when(deciding())
      .then(waitsUntil(after(5)));
  });

  test('a look that was delayed is tried again when it is due', () => {
    given(looking, prepared('a', ['a1']), lookDelayed)
      .when(deciding({ at: after(5) }))
      .then(does('prepare', 'look-b'));
  });

  test('once all are looked at, what was planned is announced', () => {
    given(looking, prepared('b', ['b1']), prepared('a', ['a1']))
      .when(deciding())
      .then(intended('b1'), intended('a1'));
  });
});

describe('what a look finds', () => {
  test('a reason against it on one database rejects it, and none is touched', () => {
    given(looking, prepared('a', ['a1']), failed('look-b', 'prepare'))
      .when(deciding())
      .then(ends('rejected', REFUSED));
  });

  test('a reason against it waits for the looks that are under way', () => {
    given(looking, failed('look-b', 'prepare'))
      .when(deciding({ busy: ['look-a'] }))
      .thenNothing();
  });

  test('a reason against it keeps the look at another database from being tried again', () => {
    given(looking, lookDelayed, failed('look-a', 'prepare')).when(deciding()).then(ends('rejected', REFUSED));
  });

  test('nothing to do anywhere completes it', () => {
    given(looking, prepared('a', []), prepared('b', [])).when(deciding()).then(ends('completed'));
  });

  test('nothing to do on one database leaves the others', () => {
    given(looking, prepared('a', []), prepared('b', ['b1']))
      .when(deciding())
      .then(intended('b1'));
  });
});

describe('what is shown', () => {
  test('what was planned stands behind the looks, with its statements', () => {
    given(looking, prepared('a', ['a1', forGood('a2')]))
      .thenStepsAre({ 'look-a': 'succeeded', 'look-b': 'running', 'a1': 'pending', 'a2': 'pending' })
      .thenStepIs('a1', { phase: 'apply', statements: ['do a1'], compensation: ['undo a1'], intended: false })
      .thenStepIs('a2', { phase: 'finalize', statements: ['do a2'], compensation: [] });
  });

  test('a look that succeeded after another try tells no error and no next try', () => {
    given(looking, delayed('look-a', after(5), { way: 'prepare' }), prepared('a', [])).thenStepIs('look-a', {
      status: 'succeeded',
      attempts: 2,
      next_attempt_at: null,
      error: null,
    });
  });

  test('what is set aside is kept for the shortest time that a database has for it', () => {
    given(
      requested('a', 'b', 'c'),
      started(),
      prepared('a', [], 30),
      prepared('b', [], 60),
      prepared('c', [], null),
    ).thenSagaIs({ reversible_seconds: 30 });
  });

  test('where nothing is set aside nothing is kept', () => {
    given(looking, prepared('a', []), prepared('b', [])).thenSagaIs({ reversible_seconds: null });
  });
});
