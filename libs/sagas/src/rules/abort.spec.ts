import { describe, test } from '@jest/globals';
import {
  ABORTED,
  abortRequested,
  after,
  applied,
  compensationStarted,
  delayed,
  done,
  failed,
  forGood,
  intended,
  intendedForGood,
  planned,
  prepared,
  REFUSED,
  requested,
  sagaCompensated,
  sagaCompleted,
  sagaRejected,
  sagaStuck,
  started,
  undone,
} from '../../testing/saga-events.js';
import { aborting, deciding, ends, given } from '../../testing/spec-kit.js';

const ready = planned({ a: ['a1', forGood('a2')], b: ['b1'] });
const looking = [requested('a', 'b'), started()];
const goingBack = [ready, intended('b1'), failed('b1'), compensationStarted()];

describe('it may be aborted', () => {
  test('before its turn', () => {
    given(requested()).when(aborting()).then(abortRequested());
  });

  test('while databases are looked at', () => {
    given(looking).when(aborting()).then(abortRequested());
  });

  test('while steps are applied', () => {
    given(ready, done('a1'), intended('b1')).when(aborting()).then(abortRequested());
  });

  test('when everything is applied and nothing is destroyed yet', () => {
    given(ready, done('a1', 'b1')).when(aborting()).then(abortRequested());
  });
});

describe('it may not be aborted any more', () => {
  test('past the pivot', () => {
    given(ready, done('a1', 'b1'), intendedForGood('a2'))
      .when(aborting())
      .thenRefused('saga_past_pivot', /^the saga is running already$/);
  });

  test('when it goes back anyway', () => {
    given(goingBack)
      .when(aborting())
      .thenRefused('saga_past_pivot', /compensating already/);
  });

  test('when it is stuck on the way back', () => {
    given(goingBack, sagaStuck())
      .when(aborting())
      .thenRefused('saga_past_pivot', /stuck already/);
  });

  test.each([
    ['completed', [ready, done('a1', 'b1'), intendedForGood('a2'), applied('a2'), sagaCompleted()]],
    ['compensated', [goingBack, undone('b1'), sagaCompensated()]],
    ['rejected', [looking, failed('look-a', 'prepare'), sagaRejected()]],
  ])('when it is %s', (status, events) => {
    given(events)
      .when(aborting())
      .thenRefused('saga_past_pivot', new RegExp(`^the saga is ${status} already$`));
  });
});

describe('what an abort does', () => {
  test('a saga that has announced nothing is over, and touched nothing', () => {
    given(ready, abortRequested()).when(deciding()).then(ends('rejected', ABORTED));
  });

  test('looks that are under way are left: the database may never answer', () => {
    given(looking, prepared('a', ['a1']), abortRequested())
      .when(deciding({ busy: ['look-b'] }))
      .then(ends('rejected', ABORTED));
  });

  test('a look that is to be tried again is not waited for', () => {
    given(looking, prepared('a', ['a1']), delayed('look-b', after(5), { way: 'prepare' }), abortRequested())
      .when(deciding())
      .then(ends('rejected', ABORTED));
  });

  test('a saga that has announced a step goes back, whether or not anything was heard of it', () => {
    given(ready, intended('a1'), abortRequested()).when(deciding()).then(compensationStarted(ABORTED));
  });

  test('a step that is under way is let finish: its outcome tells what there is to undo', () => {
    given(ready, intended('a1'), intended('b1'), abortRequested())
      .when(deciding({ busy: ['a1'] }))
      .thenNothing();
  });

  test('a step that waits for another try is not tried again', () => {
    given(ready, intended('a1'), done('b1'), delayed('a1', after(5)), abortRequested())
      .when(deciding({ at: after(5) }))
      .then(compensationStarted(ABORTED));
  });

  test('of a saga that has failed already the failure says why it ends', () => {
    given(looking, failed('look-a', 'prepare'), abortRequested()).when(deciding()).then(ends('rejected', REFUSED));
  });

  test('steps that were planned and never begun are shown as left out', () => {
    given(ready, abortRequested(), sagaRejected(ABORTED))
      .thenSagaIs({ status: 'rejected', error: ABORTED, abort: { reason: 'a mistake' } })
      .thenStepsAre({ 'look-a': 'succeeded', 'a1': 'skipped', 'a2': 'skipped', 'b1': 'skipped' });
  });
});
