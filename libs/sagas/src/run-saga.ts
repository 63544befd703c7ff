import { LeaseLost } from './lease.js';
import { nextOf } from './read-model.js';
import { DecisionLoop } from './run/decision-loop.js';
import { Place } from './run/place.js';
import { nothingNext, type RunnerPorts, type RunResult } from './run/ports.js';
import { isEnded, type Saga } from './saga.js';
import { readOn, readSaga } from './saga-stream.js';

/** Runs one saga as far as it can go now. Doing nothing is fine: not its turn, held by another worker, ended. */
export async function runSaga(ports: RunnerPorts, sagaId: string): Promise<RunResult> {
  const saga = await readSaga(ports.store, sagaId);
  if (saga === null) return nothingNext;
  const next = await nextOf(ports.core, saga.subject_id);
  if (isEnded(saga)) return { again: null, next };
  if (next !== sagaId) return nothingNext;
  const place = new Place(ports, saga);
  if (!place.enter()) return nothingNext;
  try {
    return await runHeld(ports, saga, place);
  } finally {
    place.leave();
  }
}

/** Under the subject's lease: one worker runs its sagas. */
async function runHeld(ports: RunnerPorts, seen: Saga, place: Place): Promise<RunResult> {
  const token = await ports.leases.acquire(seen.subject_id);
  if (token === null) return nothingNext;
  try {
    // Read on: another worker may have gone on until it gave the lease up.
    const saga = await readOn(ports.store, seen);
    return await new DecisionLoop(ports, saga, token, place).toEnd();
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    ports.log('lease lost: another worker goes on', { saga_id: seen.saga_id });
    return nothingNext;
  } finally {
    await ports.leases.release(seen.subject_id, token);
  }
}
