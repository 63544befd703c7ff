export * from './events.js';
export * from './event-schemas.js';
export * from './saga.js';
export { decide } from './decide.js';
export type { Failure, Outcome, Prepared, SagaDefinition } from './definition.js';
export { listSagas, loadSaga, pageOfSagas, recorded, sagasProjection, sagaStatuses } from './read-model.js';
export { NotRetryable, Orchestrator } from './orchestrator.js';
export type { SagaQueue } from './queue/queue.js';
export { InProcessQueue } from './queue/in-process.js';
