import type { EventStore, StoredEvent } from '../../event-store/src/index.js';
import type { Column, Plan } from '../../byodb/src/index.js';
import { sagaStream, type PlannedStep, type SagaEvent } from '../../sagas/src/index.js';

/** One step that took effect, or was undone, in one database. */
export interface Applied {
  saga_id: string;
  step_id: string;
  operation: string;
  direction: 'apply' | 'compensate';
  recorded_at: string;
  position: number;
  duration_ms: number;
  statements: string[];
  fingerprint_before: string | null;
  fingerprint_after: string;
  plan: Plan;
}

/** What one saga did in one database, oldest first. */
export async function appliedBy(store: EventStore, sagaId: string, databaseId: string): Promise<Applied[]> {
  const planned = new Map<string, PlannedStep>();
  let own: string | undefined;
  const done: Applied[] = [];
  for (const event of await store.readStream(sagaStream(sagaId))) {
    const body = { ...event.data, type: event.type } as SagaEvent;
    if (body.type === 'SagaRequested') own = body.targets.find(({ target }) => target.id === databaseId)?.step_id;
    else if (body.type === 'StepPrepared' && body.step_id === own) body.steps.forEach((step) => planned.set(step.step_id, step));
    else if ((body.type === 'StepApplied' || body.type === 'StepCompensated') && planned.has(body.step_id)) done.push(applied(sagaId, event, body, planned.get(body.step_id)!));
  }
  return done;
}

function applied(sagaId: string, event: StoredEvent, body: Extract<SagaEvent, { type: 'StepApplied' | 'StepCompensated' }>, step: PlannedStep): Applied {
  return {
    saga_id: sagaId, step_id: step.step_id, operation: step.operation, direction: body.type === 'StepApplied' ? 'apply' : 'compensate', recorded_at: event.recorded_at, position: event.position,
    duration_ms: body.duration_ms, statements: body.statements, fingerprint_before: body.type === 'StepApplied' ? body.fingerprint_before : null, fingerprint_after: body.fingerprint_after, plan: step.plan as Plan,
  };
}

/** What a table was in one database after these steps: undone ones count for nothing. Pure. */
export function stateAfter(steps: Applied[]): { name: string | null; exists: boolean; columns: Column[] } {
  const undone = new Set(steps.filter((s) => s.direction === 'compensate').map((s) => s.step_id));
  return steps.filter((s) => s.direction === 'apply' && !undone.has(s.step_id)).reduce<{ name: string | null; exists: boolean; columns: Column[] }>((state, { operation, plan }) => {
    if (operation === 'drop_table' || (operation === 'adopt' && (plan as Plan<{ columns: unknown }>).params.columns === null)) return { ...state, exists: false };
    if (operation === 'purge') return state;
    return { name: plan.shown_after, exists: true, columns: plan.columns_after };
  }, { name: null, exists: false, columns: [] });
}
