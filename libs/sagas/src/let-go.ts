import type { SagaEvent } from './events.js';
import { isEnded, isPastPivot, type Saga } from './saga.js';

/**
 * What ends a saga's business with a target that is lost for good, without touching it. Pure; nothing where there is
 * none.
 * A change that can still go back goes back on the others, and is not undone there; one that cannot goes on without it.
 */
export function letGo(saga: Saga, target: { id: string; name: string }, reason: string): SagaEvent[] {
  if (isEnded(saga) || !saga.steps.some((step) => step.target.id === target.id)) return [];
  const why = `the database ${target.name} is lost: ${reason}`;
  const pastPivot = isPastPivot(saga);
  const goesBack = !pastPivot && !saga.compensating;
  const open = saga.steps.filter((step) => {
    if (step.target.id !== target.id || step.phase === 'prepare') return false;
    if (step.status === 'skipped' || step.status === 'compensated') return false;
    return pastPivot ? step.status !== 'succeeded' : step.intended;
  });
  return [
    ...(goesBack && saga.abort === null ? [{ type: 'AbortRequested' as const, reason: why }] : []),
    ...open.map(({ step_id }): SagaEvent => ({
      type: 'StepResolved',
      step_id,
      as: 'skipped',
      reason: why,
      fingerprint: null,
      lost: true,
    })),
  ];
}
