export { type Outcome, type Prepared, type SagaDefinition } from './definition.js';
export { sagaEventParts, sagaEventSchemas } from './event-schemas.js';
export { type PlannedStep, type SagaEvent, type SagaEventType, type StepError } from './events.js';
export { letGo } from './let-go.js';
export { NotRetryable } from './operator.js';
export { Orchestrator } from './orchestrator.js';
export { InProcessQueue } from './queue/in-process.js';
export { type SagaQueue } from './queue/queue.js';
export { listSagas, loadSaga, pageOfSagas, sagasProjection, sagaStatuses } from './read-model.js';
export { requestSaga } from './request.js';
export {
  changeSteps,
  type ChangeStep,
  isEnded,
  type PrepareStep,
  type Saga,
  SAGA_SHAPE,
  type SagaStatus,
  shownError,
  type Step,
  type StepStatus,
} from './saga.js';
export { appendToSaga, foldSaga, sagasAtRest, sagaStreams } from './saga-stream.js';
