import { expect, test } from '@jest/globals';
import {
  after,
  delayed,
  forGood,
  intendedForGood,
  LOCKED,
  planned,
  retryRequested,
  sagaStuck,
} from '../../../../libs/sagas/testing/saga-events.js';
import { given } from '../../../../libs/sagas/testing/spec-kit.js';
import { sagaView } from './view.js';

test('a saga past its pivot is shown with an error as long as it is stuck', () => {
  const stuck = [
    planned({ a: [forGood('a1')] }),
    intendedForGood('a1'),
    delayed('a1', after(5), { way: 'finalize' }),
    sagaStuck(LOCKED),
  ];
  expect(sagaView(given(stuck).saga)).toMatchObject({ status: 'stuck', error: LOCKED });
  expect(sagaView(given(stuck, retryRequested()).saga)).toMatchObject({ status: 'running', error: null });
});
