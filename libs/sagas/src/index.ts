export { type SagaDefinition } from './definition.js';
export { sagaEventParts, sagaEventSchemas } from './event-schemas.js';
export {
  type PlannedStep,
  SAGA_SCHEMA_VERSION,
  type SagaEvent,
  type SagaEventType,
  sagaStream,
  type StepError,
} from './events.js';
export { letGo } from './let-go.js';
export { NotRetryable, Orchestrator } from './orchestrator.js';
export { InProcessQueue } from './queue/in-process.js';
export { type SagaQueue } from './queue/queue.js';
export { listSagas, loadSaga, pageOfSagas, recorded, sagasProjection, sagaStatuses } from './read-model.js';
export { evolve, isEnded, type Saga, SAGA_SHAPE, type SagaStatus, type Step, type StepStatus } from './saga.js';
export { appendToSaga, requestSaga } from './request.js';
