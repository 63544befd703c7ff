import { z } from 'zod';
import { KINDS } from '../../sagas/kinds.js';
import { resolution } from '../../sagas/bodies.js';
import { databaseName } from '#tables';
import { SagaAnswer, SagaList, SagaEvents } from '../../sagas/sagas.answers.js';
import { SAGA_STATUSES } from '../../core/answer-parts.js';
import { id, page, input, core, type Call } from './call.js';

const reason = z.strictObject({ reason: z.string().min(1).max(1000) });

export const sagaCalls: Call[] = [
  {
    id: 'listSagas',
    tag: 'sagas',
    method: 'get',
    path: '/sagas',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'List sagas, newest first.',
    query: {
      ...page,
      status: z.enum(SAGA_STATUSES),
      table_id: z.string(),
      database: databaseName,
      kind: z.enum(KINDS),
    },
    answer: { status: 200, description: 'A page of sagas', schema: SagaList },
  },
  {
    id: 'getSaga',
    tag: 'sagas',
    method: 'get',
    path: '/sagas/{id}',
    problems: ['validation_failed', 'saga_not_found', ...core],
    summary: 'One saga with its steps.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'getSagaEvents',
    tag: 'sagas',
    method: 'get',
    path: '/sagas/{id}/events',
    problems: ['saga_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'The events of one saga, oldest first. With `Accept: text/event-stream`: live, until it ends.',
    answer: { status: 200, description: 'A page of its events', schema: SagaEvents },
  },
  {
    id: 'retrySaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/retry',
    body: reason,
    example: { reason: 'the duplicates are gone' },
    problems: [...input, 'saga_not_found', 'saga_not_retryable', ...core],
    summary: 'Let a stuck saga go on from where it is.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'abortSaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/abort',
    body: reason,
    example: { reason: 'asked for by mistake' },
    problems: [...input, 'saga_not_found', 'saga_past_pivot', ...core],
    summary: 'Stop a saga. It ends rejected when nothing was touched yet; else what it did is undone.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'resolveSaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/resolve',
    body: resolution,
    problems: [...input, 'saga_not_found', 'not_found', 'saga_not_retryable', 'saga_past_pivot', ...core],
    summary:
      'Settle a step that cannot go on by itself. What is claimed is checked against its database where it can be.',
    example: { step_id: id, as: 'restored', reason: 'put back by hand' },
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
];
