import { expect, test } from '@jest/globals';
import { isFailure, type Outcome, type SagaDefinition } from './definition.js';
import type { PrepareStep } from './saga.js';

interface Move {
  kind: 'move';
  to: string;
}
interface Route {
  stops: string[];
}

const outcome: Outcome = { fingerprint_before: 'b', fingerprint_after: 'a', statements: [] };

/** A domain reads its own change and plan without a cast. */
const moves: SagaDefinition<Move, Route> = {
  judge: async (saga) => (saga.change.to === '' ? { verdict: 'nothing_to_do' } : { verdict: 'go' }),
  prepare: async (saga, step) => ({
    fingerprint: 'f',
    reversible_seconds: null,
    steps: [
      {
        step_id: step.step_id,
        operation: 'move',
        phase: 'apply',
        reason: '',
        statements: [],
        compensation: [],
        plan: { stops: [saga.change.to] },
      },
    ],
  }),
  apply: async (_saga, step) => ({ ...outcome, statements: step.plan.stops }),
  compensate: async (_saga, step) => ({ ...outcome, statements: step.plan.stops.toReversed() }),
  finalize: async (_saga, step) => ({ ...outcome, statements: step.plan.stops }),
  look: async (_saga, step) => step.plan.stops.join(),
  ending: async () => [],
};

/** An orchestrator takes the definition of any change and plan. */
export const any: SagaDefinition = moves;

// What `npm run types` must refuse: were one of these to compile, its own line would fail there.
const look = {} as PrepareStep;
export const refused = (): unknown[] => [
  // @ts-expect-error a step that prepare did not plan
  moves.apply({} as Parameters<typeof moves.apply>[0], look, 1),
  // @ts-expect-error a field that the plan does not have
  { ...moves, apply: async (_saga, step) => ({ ...outcome, statements: step.plan.halts }) } satisfies typeof moves,
  // @ts-expect-error a field that the change does not have
  { ...moves, judge: async (saga) => saga.change.from } satisfies typeof moves,
];

test('a failure is told by its shape', () => {
  const failed = { code: 'x', retryable: false, outcome: 'unknown' };
  expect(isFailure(Object.assign(new Error('no'), failed))).toBe(true);
  for (const other of [failed, new Error('no'), Object.assign(new Error('no'), { code: 'x' }), null])
    expect(isFailure(other)).toBe(false);
});
