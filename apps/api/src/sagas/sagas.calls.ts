import { because, resolution } from './bodies.js';
import { SagaAnswer, SagaList, SagaEvents } from './sagas.answers.js';
import { sagasQuery } from './sagas.queries.js';
import { id, input, core, type Calls } from '../http/call.js';
import { pageQuery } from '../http/input.js';

export const sagaCalls = {
  listSagas: {
    method: 'get',
    path: '/sagas',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'List sagas, newest first.',
    query: sagasQuery,
    answer: { status: 200, description: 'A page of sagas', schema: SagaList },
  },
  getSaga: {
    method: 'get',
    path: '/sagas/{id}',
    problems: ['validation_failed', 'saga_not_found', ...core],
    summary: 'One saga with its steps.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  getSagaEvents: {
    method: 'get',
    path: '/sagas/{id}/events',
    problems: ['saga_not_found', 'validation_failed', ...core],
    query: pageQuery,
    summary: 'The events of one saga, oldest first. With `Accept: text/event-stream`: live, until it ends.',
    answer: { status: 200, description: 'A page of its events', schema: SagaEvents },
  },
  retrySaga: {
    method: 'post',
    path: '/sagas/{id}/retry',
    body: because,
    example: { reason: 'the duplicates are gone' },
    problems: [...input, 'saga_not_found', 'saga_not_retryable', ...core],
    summary: 'Let a stuck saga go on from where it is.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  abortSaga: {
    method: 'post',
    path: '/sagas/{id}/abort',
    body: because,
    example: { reason: 'asked for by mistake' },
    problems: [...input, 'saga_not_found', 'saga_past_pivot', ...core],
    summary: 'Stop a saga. It ends rejected when nothing was touched yet; else what it did is undone.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  resolveSaga: {
    method: 'post',
    path: '/sagas/{id}/resolve',
    body: resolution,
    problems: [...input, 'saga_not_found', 'not_found', 'saga_not_retryable', 'saga_past_pivot', ...core],
    summary:
      'Settle a step that cannot go on by itself. What is claimed is checked against its database where it can be. ' +
      'Not while the step may be under way: only once it has failed, or waits for its next try. ' +
      '`skipped` leaves the database as it is for good: the step is not undone either when the saga goes back later.',
    example: { step_id: id, as: 'restored', reason: 'put back by hand' },
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
} satisfies Calls;
